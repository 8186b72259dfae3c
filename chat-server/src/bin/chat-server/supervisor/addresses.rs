use super::error::SupervisorError;

/// Returns the addresses of this many workers: the first one, and the ports after it. With port 0 each of them gets
/// any free port.
///
/// # Errors
/// [`SupervisorError::Address`] and [`SupervisorError::Ports`].
pub(crate) fn addresses(first: &str, workers: u16) -> Result<Vec<String>, SupervisorError> {
    let no_address = || SupervisorError::Address(first.to_owned());
    let (host, port) = first.rsplit_once(':').ok_or_else(no_address)?;
    let port: u16 = port.parse().map_err(|_| no_address())?;
    let last = port.checked_add(workers.saturating_sub(1));
    match (port, last) {
        (0, _) => Ok((0..workers).map(|_| first.to_owned()).collect()),
        (_, Some(last)) => Ok((port..=last).map(|port| format!("{host}:{port}")).collect()),
        (first, None) => Err(SupervisorError::Ports { first, workers }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_listen_on_consecutive_ports() {
        let ports = addresses("127.0.0.1:3000", 3).expect("addresses");
        assert_eq!(ports, ["127.0.0.1:3000", "127.0.0.1:3001", "127.0.0.1:3002"]);
        assert_eq!(addresses("[::1]:65534", 2).expect("addresses"), ["[::1]:65534", "[::1]:65535"]);
    }

    #[test]
    fn port_0_is_any_port_for_each_worker() {
        assert_eq!(addresses("localhost:0", 2).expect("addresses"), ["localhost:0", "localhost:0"]);
    }

    #[test]
    fn what_has_no_port_or_not_enough_of_them_is_refused() {
        for (first, reason) in [
            ("localhost", "\"localhost\" is no address with a port"),
            ("localhost:http", "\"localhost:http\" is no address with a port"),
            ("localhost:65534", "there are not 3 ports from 65534 on"),
        ] {
            assert_eq!(addresses(first, 3).expect_err("refused").to_string(), reason);
        }
    }
}
