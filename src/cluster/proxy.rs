//! `HTTPS_PROXY` and `NO_PROXY`, by the rules of Go's clients.
//!
//! The `kube` crate (5.0) matches `NO_PROXY` against the proxy's own address instead of the server's.

use super::error::Error;
use http::Uri;
use std::net::IpAddr;

/// The proxy that the environment names for a server.
pub(super) fn from_environment(server: &Uri) -> Result<Option<Uri>, Error> {
    let variable = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()))
    };
    let secure = server.scheme_str() != Some("http");
    let names = if secure {
        ["HTTPS_PROXY", "https_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy"]
    };
    let Some(proxy) = variable(names) else {
        return Ok(None);
    };
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = server.port_u16().unwrap_or(if secure { 443 } else { 80 });
    if excepted(
        host,
        port,
        &variable(["NO_PROXY", "no_proxy"]).unwrap_or_default(),
    ) {
        return Ok(None);
    }
    let with_scheme = if proxy.contains("://") {
        proxy
    } else {
        format!("http://{proxy}")
    };
    let parsed = with_scheme
        .parse()
        .map_err(|_| Error::Config(format!("{}: not the address of a proxy", names[0])))?;
    Ok(Some(parsed))
}

/// Whether a server is to be reached without a proxy.
fn excepted(host: &str, port: u16, list: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|a| a.is_loopback()) {
        return true;
    }
    let entries = list.split(',').map(str::trim).filter(|e| !e.is_empty());
    entries
        .into_iter()
        .any(|entry| matches(host, address, port, entry))
}

fn matches(host: &str, address: Option<IpAddr>, port: u16, entry: &str) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        return match (network.parse(), bits.parse(), address) {
            (Ok(network), Ok(bits), Some(address)) => within(address, network, bits),
            _ => false,
        };
    }
    if let Ok(literal) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address == Some(literal);
    }
    let (name, wanted) = match entry.rsplit_once(':') {
        Some((name, digits)) if digits.parse::<u16>().is_ok() => (name, digits.parse::<u16>().ok()),
        _ => (entry, None),
    };
    if wanted.is_some_and(|w| w != port) {
        return false;
    }
    if let Ok(literal) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address == Some(literal);
    }
    let (host, name) = (host.to_lowercase(), name.to_lowercase());
    let domain = name.trim_start_matches('*');
    match domain.strip_prefix('.') {
        Some(_) => host.ends_with(domain),
        None => host == domain || host.ends_with(&format!(".{domain}")),
    }
}

/// Whether an address is in a network of `bits` leading bits.
fn within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let number = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    let ((a, width), (b, other)) = (number(address), number(network));
    width == other && bits <= width && (bits == 0 || (a ^ b) >> (width - bits) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_those_of_go() {
        let cases = [
            ("api.example.com", 443, "example.com", true),
            ("example.com", 443, ".example.com", false),
            ("api.example.com", 443, "*.example.com", true),
            ("api.example.com", 6443, "api.example.com:6443", true),
            ("api.example.com", 6443, "api.example.com:443", false),
            ("10.1.2.3", 443, "10.0.0.0/8", true),
            ("11.1.2.3", 443, "10.0.0.0/8, 11.1.2.4", false),
            ("fd00::1", 443, "fd00::/8", true),
            ("badexample.com", 443, "example.com", false),
            ("anything", 443, "*", true),
            ("127.0.0.1", 443, "", true),
        ];
        for (host, port, list, expected) in cases {
            assert_eq!(excepted(host, port, list), expected, "{host}:{port} in {list:?}");
        }
    }
}
