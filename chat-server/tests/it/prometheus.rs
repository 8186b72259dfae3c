//! Prometheus's own tool against the metrics, the alerts and the queries of the dashboard.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::net::TcpStream;

use crate::server::{Raw, Server};
use crate::service::free_ports;

const ALERTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prometheus/alerts.yml");
const DASHBOARD: &str = include_str!("../../../deploy/grafana/dashboard.json");

/// Runs the tool with these arguments and this input, and returns whether it has found nothing wrong, with what it says.
fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = command.spawn().expect("it is installed");
    tool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test]
#[cfg_attr(not(has_promtool), ignore = "needs promtool")]
async fn prometheus_reads_the_metrics() {
    let operator = format!("127.0.0.1:{}", free_ports(1)[0]);
    let _server = Server::start(&["--admin-listen", &operator]).await;
    let mut connection = Raw(TcpStream::connect(&operator).await.unwrap());
    connection.send("GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let response = connection.response().await;
    let (_, metrics) = response.split_once("\r\n\r\n").expect("an answer");
    assert!(metrics.contains("chat_ready 1"), "{response}");
    let (is_right, said) = promtool(&["check", "metrics"], metrics);
    assert!(is_right && said.is_empty(), "{said}");
}

#[test]
#[cfg_attr(not(has_promtool), ignore = "needs promtool")]
fn prometheus_takes_the_alerts_and_the_queries_of_the_dashboard() {
    let (is_right, said) = promtool(&["check", "rules", ALERTS], "");
    assert!(is_right, "{said}");

    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let rules: Vec<_> = targets
        .enumerate()
        .map(|(number, target)| {
            let query = target["expr"].as_str().unwrap();
            let query = query.replace("$__rate_interval", "1m").replace("$instance", ".*");
            json!({ "record": format!("query:{number}"), "expr": query })
        })
        .collect();
    assert!(rules.len() > 30, "{rules:?}");
    let mut file = NamedTempFile::new().unwrap();
    // JSON is YAML, too.
    write!(file, "{}", json!({ "groups": [{ "name": "dashboard", "rules": rules }] })).unwrap();
    let (is_right, said) = promtool(&["check", "rules", file.path().to_str().unwrap()], "");
    assert!(is_right, "{said}");
}
