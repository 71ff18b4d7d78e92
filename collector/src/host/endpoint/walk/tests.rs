use std::net::TcpListener;

use super::super::StepOutcome;
use super::*;

fn endpoint(host: &str, port: u16) -> Endpoint {
    Endpoint::of_wsus(&format!("http://{host}:{port}")).expect("an address")
}

fn gone(endpoint: &Endpoint, settings: Option<&MachineProxy>) -> (bool, Vec<Step>) {
    let progress = Progress::default();
    let leads_on = to_connection(endpoint, settings, &progress).is_ok();
    (leads_on, progress.given_up())
}

fn outcomes(steps: &[Step]) -> Vec<(StepName, StepOutcome)> {
    steps.iter().map(|s| (s.step, s.outcome)).collect()
}

fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it has an address").port()
}

#[test]
fn a_server_that_listens_is_connected_to_and_every_step_is_timed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it has an address").port();
    let (leads_on, steps) = gone(&endpoint("127.0.0.1", port), None);
    assert!(leads_on);
    let ok = StepOutcome::Ok;
    assert_eq!(
        outcomes(&steps),
        [
            (StepName::Proxy, ok),
            (StepName::Dns, ok),
            (StepName::Tcp, ok)
        ]
    );
    assert_eq!(steps[0].found.as_deref(), Some("direct"));
    assert_eq!(steps[1].found.as_deref(), Some("127.0.0.1"));
    assert!(steps.iter().all(|step| step.took_ms.is_some()));
}

#[test]
fn where_nothing_listens_the_system_says_why() {
    let (leads_on, steps) = gone(&endpoint("127.0.0.1", closed_port()), None);
    assert!(!leads_on);
    let tcp = steps.last().expect("it tried");
    assert_eq!(
        (tcp.step, tcp.outcome),
        (StepName::Tcp, StepOutcome::Failed)
    );
    assert!(tcp.code.is_some() && tcp.said.is_some());
}

#[test]
fn a_name_that_nobody_knows_ends_the_way() {
    let (leads_on, steps) = gone(&endpoint("no-such-host.invalid", 8530), None);
    assert!(!leads_on);
    assert_eq!(
        outcomes(&steps),
        [
            (StepName::Proxy, StepOutcome::Ok),
            (StepName::Dns, StepOutcome::Failed)
        ]
    );
}

#[test]
fn with_a_proxy_the_proxy_is_gone_to_and_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it has an address").port();
    let settings = MachineProxy {
        proxy: format!("https=secure.invalid:1;http=127.0.0.1:{port}"),
        bypass: String::new(),
    };
    // The server's own name is the proxy's to resolve.
    let (leads_on, steps) = gone(&endpoint("no-such-host.invalid", 8530), Some(&settings));
    assert!(leads_on, "{steps:?}");
    let named = format!("http://127.0.0.1:{port}");
    assert_eq!(steps[0].found.as_deref(), Some(named.as_str()));
}

#[test]
fn a_step_that_is_not_waited_for_any_longer_is_the_one_that_timed_out() {
    let progress = Progress::default();
    progress.begin(StepName::Proxy);
    progress.end(Step::ok(StepName::Proxy));
    progress.begin(StepName::Dns);
    let steps = progress.given_up();
    assert_eq!(
        outcomes(&steps),
        [
            (StepName::Proxy, StepOutcome::Ok),
            (StepName::Dns, StepOutcome::Failed)
        ]
    );
    assert_eq!(steps[1].code, Some(TIMED_OUT));
    assert_eq!(Progress::default().given_up(), []);
}

#[test]
fn a_failure_of_tls_is_told_by_what_is_wrong_with_the_certificate() {
    assert_eq!(code_of_secure_failure(12175, 0), 12175);
    assert_eq!(code_of_secure_failure(12175, 0x10), 12038);
    assert_eq!(code_of_secure_failure(12175, 0x10 | 0x08), 12045);
    assert_eq!(code_of_secure_failure(12175, 0x8000_0000), 12157);
    assert_eq!(code_of_secure_failure(12002, 0x08), 12002, "it timed out");
}
