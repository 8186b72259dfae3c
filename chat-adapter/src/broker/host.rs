/// Returns whether a host is this machine, independent of name servers.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<std::net::IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => {
            let name = host.to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "[::1]", "::1"] {
            assert!(is_this_machine(host), "{host}");
        }
        assert!(is_this_machine("[::ffff:127.0.0.1]") && is_this_machine("redis.localhost"));
        for host in ["", "redis", "10.0.0.1", "0.0.0.0", "[::]", "localhost.example.com", "127.1"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
