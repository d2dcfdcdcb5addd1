//! Formats of strings that API servers check (k8s.io/kube-openapi, `strfmt`). Others say nothing.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a string is of a format. Unknown formats hold.
pub fn holds(format: &str, text: &str) -> bool {
    match format {
        "date-time" | "datetime" => date_time(text),
        "date" => date(text),
        "duration" => crate::kubernetes::duration::Duration::parse(text).is_ok(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok() && text.contains(':'),
        "cidr" => cidr(text),
        "uri" => uri(text),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => uuid(text),
        "byte" => base64(text),
        "hostname" => hostname(text),
        _ => true,
    }
}

fn digits(text: &str, count: usize) -> Option<u32> {
    let all = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

fn date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let in_range = |n: Option<u32>, max| n.is_some_and(|n| (1..=max).contains(&n));
    digits(year, 4).is_some() && in_range(digits(month, 2), 12) && in_range(digits(day, 2), 31)
}

/// RFC 3339.
fn date_time(text: &str) -> bool {
    let Some((day, rest)) = text.split_once(['T', 't']) else {
        return false;
    };
    let (time, zoned) = match rest.strip_suffix(['Z', 'z']) {
        Some(time) => (time, true),
        None => {
            let at = rest.len().saturating_sub(6);
            let (time, zone) = rest.split_at_checked(at).unwrap_or((rest, ""));
            let zone = zone.strip_prefix(['+', '-']).and_then(|z| z.split_once(':'));
            let ok = zone.is_some_and(|(h, m)| digits(h, 2).is_some() && digits(m, 2).is_some());
            (time, ok)
        }
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let parts: Vec<&str> = clock.split(':').collect();
    let below = |text: &str, max| digits(text, 2).is_some_and(|n| n <= max);
    let clocked = matches!(parts[..], [h, m, s] if below(h, 23) && below(m, 59) && below(s, 60));
    let fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    zoned && clocked && fraction && date(day)
}

fn cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match (address.parse::<Ipv4Addr>(), address.parse::<Ipv6Addr>()) {
        (Ok(_), _) => 32,
        (_, Ok(_)) => 128,
        _ => return false,
    };
    !bits.is_empty()
        && bits.bytes().all(|b| b.is_ascii_digit())
        && bits.parse::<u16>().is_ok_and(|n| n <= most)
}

/// What Go reads as a request URI: absolute, or a path from the root.
fn uri(text: &str) -> bool {
    let clean = !text.is_empty() && !text.bytes().any(|b| b <= b' ' || b == 0x7f);
    let scheme = text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    });
    clean && (scheme || text.starts_with('/'))
}

fn uuid(text: &str) -> bool {
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

fn base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let clean = body
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    text.len().is_multiple_of(4) && padding <= 2 && clean
}

fn hostname(text: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.len() <= 255 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn formats() {
        let good = [
            ("date-time", "2026-11-24T19:30:00Z"),
            ("date-time", "2026-11-24T19:30:00.5+01:00"),
            ("ipv4", "10.0.0.1"),
            ("ipv6", "fe80::1"),
            ("cidr", "10.0.0.0/8"),
            ("uri", "https://example.com/x"),
            ("byte", "aGVsbG8="),
            ("no-such", "anything"),
        ];
        for (format, text) in good {
            assert!(holds(format, text), "{format} {text}");
        }
        let bad = [
            ("date-time", "2026-11-24"),
            ("date-time", "2026-13-24T19:30:00Z"),
            ("ipv4", "10.0.0.256"),
            ("ipv6", "10.0.0.1"),
            ("cidr", "10.0.0.0/33"),
            ("uri", "example.com"),
            ("byte", "a"),
            ("hostname", "-a"),
        ];
        for (format, text) in bad {
            assert!(!holds(format, text), "{format} {text}");
        }
    }
}
