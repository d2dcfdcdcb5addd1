//! The rules for names, as the API server checks them (k8s.io/apimachinery `validation`).
//!
//! Each check returns what is wrong in a few words that complete "… is not valid: ".

/// The longest DNS label, and label value.
pub const LABEL_MAX: usize = 63;
/// The longest DNS subdomain, and object name.
pub const SUBDOMAIN_MAX: usize = 253;
/// The longest port name.
pub const PORT_NAME_MAX: usize = 15;

/// The outcome of a check.
pub type Check = Result<(), String>;

fn at_most(value: &str, max: usize) -> Check {
    match value.len() {
        n if n > max => Err(format!("it has {n} characters, at most {max} are allowed")),
        _ => Ok(()),
    }
}

fn not_empty(value: &str) -> Check {
    if value.is_empty() {
        Err("it is empty".to_owned())
    } else {
        Ok(())
    }
}

/// All characters are `inner`, the first is `first` and the last is `last`.
fn shaped(
    value: &str,
    first: fn(&u8) -> bool,
    inner: fn(&u8) -> bool,
    last: fn(&u8) -> bool,
    first_is: &str,
    inner_is: &str,
) -> Check {
    if let Some(c) = value
        .chars()
        .find(|c| !u8::try_from(*c).is_ok_and(|b| b.is_ascii() && inner(&b)))
    {
        return Err(format!("{c:?} is not allowed, only {inner_is}"));
    }
    let bytes = value.as_bytes();
    if !bytes.first().is_some_and(first) {
        return Err(format!("it must start with {first_is}"));
    }
    if !bytes.last().is_some_and(last) {
        return Err("it must end with a letter or digit".to_owned());
    }
    Ok(())
}

fn lower(b: &u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn lower_dash(b: &u8) -> bool {
    lower(b) || *b == b'-'
}

fn label_char(b: &u8) -> bool {
    b.is_ascii_alphanumeric() || b"-_.".contains(b)
}

/// A DNS label (RFC 1123): the names of containers, volumes, and most that become part of a host name.
pub fn dns_label(value: &str) -> Check {
    not_empty(value)?;
    at_most(value, LABEL_MAX)?;
    shaped(
        value,
        lower,
        lower_dash,
        lower,
        "a lower case letter or digit",
        "lower case letters, digits and '-'",
    )
}

/// A DNS subdomain (RFC 1123): labels of any length joined by dots, the names of most objects.
pub fn dns_subdomain(value: &str) -> Check {
    not_empty(value)?;
    at_most(value, SUBDOMAIN_MAX)?;
    let allowed = "lower case letters, digits, '-' and '.'";
    for part in value.split('.') {
        if part.is_empty() {
            return Err("there is nothing before or after a dot".to_owned());
        }
        shaped(
            part,
            lower,
            lower_dash,
            lower,
            "a lower case letter or digit, also after each dot",
            allowed,
        )?;
    }
    Ok(())
}

/// A DNS label in the older sense (RFC 1035), which starts with a letter: the names of Services.
pub fn dns_1035_label(value: &str) -> Check {
    not_empty(value)?;
    at_most(value, LABEL_MAX)?;
    let allowed = "lower case letters, digits and '-'";
    shaped(
        value,
        u8::is_ascii_lowercase,
        lower_dash,
        lower,
        "a lower case letter",
        allowed,
    )
}

/// The key of a label, and the name of a resource: `name` or `subdomain/name`.
pub fn qualified_key(value: &str) -> Check {
    let name = match value.split_once('/') {
        Some((_, name)) if name.contains('/') => return Err("it has more than one '/'".to_owned()),
        Some((prefix, name)) => {
            dns_subdomain(prefix).map_err(|e| format!("the part before the '/': {e}"))?;
            name
        }
        None => value,
    };
    not_empty(name)?;
    at_most(name, LABEL_MAX)?;
    let (first, allowed) = ("a letter or digit", "letters, digits, '-', '_' and '.'");
    shaped(
        name,
        u8::is_ascii_alphanumeric,
        label_char,
        u8::is_ascii_alphanumeric,
        first,
        allowed,
    )
}

/// The key of an annotation: a qualified key in which case does not count.
pub fn annotation_key(value: &str) -> Check {
    qualified_key(&value.to_ascii_lowercase())
}

/// The value of a label; may be empty.
pub fn label_value(value: &str) -> Check {
    if value.is_empty() {
        return Ok(());
    }
    at_most(value, LABEL_MAX)?;
    let (first, allowed) = ("a letter or digit", "letters, digits, '-', '_' and '.'");
    shaped(
        value,
        u8::is_ascii_alphanumeric,
        label_char,
        u8::is_ascii_alphanumeric,
        first,
        allowed,
    )
}

/// The name of a port of a container or Service (an IANA service name).
pub fn port_name(value: &str) -> Check {
    not_empty(value)?;
    at_most(value, PORT_NAME_MAX)?;
    shaped(
        value,
        lower,
        lower_dash,
        lower,
        "a lower case letter or digit",
        "lower case letters, digits and '-'",
    )?;
    if !value.bytes().any(|b| b.is_ascii_lowercase()) {
        return Err("it must have at least one letter".to_owned());
    }
    if value.contains("--") {
        return Err("it must not have two '-' in a row".to_owned());
    }
    Ok(())
}

/// The name of an environment variable, by the rule of Kubernetes 1.34 and later.
pub fn env_name(value: &str) -> Check {
    not_empty(value)?;
    match value.chars().find(|c| !(' '..='~').contains(c) || *c == '=') {
        Some(c) => Err(format!(
            "{c:?} is not allowed, only printable ASCII characters other than '='"
        )),
        None => Ok(()),
    }
}

/// A key of a ConfigMap or Secret.
pub fn config_key(value: &str) -> Check {
    not_empty(value)?;
    at_most(value, SUBDOMAIN_MAX)?;
    if value == "." || value.starts_with("..") {
        return Err("it must not be '.' or start with '..'".to_owned());
    }
    match value
        .chars()
        .find(|c| !u8::try_from(*c).is_ok_and(|b| label_char(&b)))
    {
        Some(c) => Err(format!(
            "{c:?} is not allowed, only letters, digits, '-', '_' and '.'"
        )),
        None => Ok(()),
    }
}

/// Whether a resource is an extended one, like `nvidia.com/gpu`: qualified by a domain that is not Kubernetes' own. Those
/// come in whole numbers, and requests and limits must be equal.
pub fn is_extended_resource(resource: &str) -> bool {
    let own = |prefix: &str| prefix == "kubernetes.io" || prefix.ends_with(".kubernetes.io");
    resource.split_once('/').is_some_and(|(prefix, _)| !own(prefix)) && !resource.starts_with("requests.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What k8s.io/apimachinery v0.36.6 answered.
    #[test]
    fn checks_as_kubernetes() {
        let checks: [fn(&str) -> Check; 8] = [
            dns_label,
            dns_subdomain,
            dns_1035_label,
            qualified_key,
            label_value,
            port_name,
            env_name,
            config_key,
        ];
        for line in include_str!("../../testdata/kubernetes/names.tsv").lines() {
            let mut cells = line.split('\t');
            let text: String = serde_json::from_str(cells.next().unwrap()).unwrap();
            for (check, (at, want)) in checks.iter().zip(cells.enumerate()) {
                assert_eq!(
                    check(&text).is_ok(),
                    want == "ok",
                    "check {at} of {text:?}: {:?}",
                    check(&text)
                );
            }
        }
    }

    #[test]
    fn says_why() {
        assert_eq!(
            dns_label("My-name").unwrap_err(),
            "'M' is not allowed, only lower case letters, digits and '-'"
        );
        assert_eq!(
            port_name("a-very-long-port-name").unwrap_err(),
            "it has 21 characters, at most 15 are allowed"
        );
        assert!(annotation_key("Example.com/Foo").is_ok());
        assert!(dns_label("é").is_err());
    }

    #[test]
    fn extended() {
        assert!(is_extended_resource("nvidia.com/gpu"));
        assert!(!is_extended_resource("cpu"));
        assert!(!is_extended_resource("hugepages-2Mi"));
        assert!(!is_extended_resource("attachable-volumes.kubernetes.io/x"));
    }
}
