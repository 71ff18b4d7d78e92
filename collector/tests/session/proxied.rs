//! Through a proxy, and why not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sickbay_collector::host::replay::Replay;
use sickbay_collector::session::{ProxyUrl, Standing, probe};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::server::Server;
use crate::{Running, options, recording, trusting, until};

/// A proxy that knows CONNECT alone; counts the tunnels.
async fn proxy(answer: &'static str) -> (ProxyUrl, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let tunnels = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tunnels);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(tunnel(client, answer, Arc::clone(&counted)));
        }
    });
    (url.parse().unwrap(), tunnels)
}

async fn tunnel(client: TcpStream, answer: &str, counted: Arc<AtomicUsize>) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let mut asked = String::new();
    client.read_line(&mut asked).await?;
    let mut line = String::new();
    while client.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let to = asked.split(' ').nth(1).unwrap_or_default().to_owned();
    client
        .write_all(format!("{answer}\r\n\r\n").as_bytes())
        .await?;
    if answer.contains(" 200 ") {
        counted.fetch_add(1, Ordering::SeqCst);
        let mut server = TcpStream::connect(to).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    } else {
        let _ = client.read(&mut [0; 1]).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_enrols_and_reports_through_a_proxy() {
    let server = Server::start().await;
    let (url, tunnels) = proxy("HTTP/1.1 200 OK").await;
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(Replay::new(recording("x")));
    let mut options = trusting(options(dir.path(), &server.url(), &host), &server);
    options.proxy = Some(url);
    let running = Running::start(options);
    until("acknowledged", || {
        running.handle.progress().acknowledged == 1
    })
    .await;
    assert_eq!(
        tunnels.load(Ordering::SeqCst),
        2,
        "one to enrol, one for the session"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_self_test_names_the_step_that_fails_and_what_to_do() {
    let server = Server::start().await;
    let host = Replay::new(recording("x"));
    let url = server.url().parse().unwrap();
    let (pins, wrong) = ([server.shared.ca.pin()], ["ab".repeat(32).parse().unwrap()]);
    let steps = |steps: Vec<sickbay_collector::session::Step>| {
        let step = |step: sickbay_collector::session::Step| match step.outcome {
            Ok(_) => (step.name, String::new()),
            Err(trouble) => (step.name, format!("{} {}", trouble.what, trouble.fix)),
        };
        steps.into_iter().map(step).collect::<Vec<_>>()
    };

    let good = steps(probe(&url, None, &host, &Standing::NotEnrolled(&pins)).await);
    let names: Vec<&str> = good.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["proxy", "name", "tcp", "tls", "clock", "certificate"]
    );
    assert!(
        good.iter().all(|(_, trouble)| trouble.is_empty()),
        "{good:?}"
    );

    let bad = steps(probe(&url, None, &host, &Standing::NotEnrolled(&wrong)).await);
    let (name, trouble) = bad.last().unwrap();
    assert!(
        *name == "tls" && trouble.contains("sickbay-server ca show"),
        "{bad:?}"
    );

    let (asks, _) = proxy("HTTP/1.1 407 Proxy Authentication Required").await;
    let bad = steps(probe(&url, Some(&asks), &host, &Standing::NotEnrolled(&pins)).await);
    let (name, trouble) = bad.last().unwrap();
    assert!(*name == "tunnel" && trouble.contains("sign-in"), "{bad:?}");

    let nobody = "https://no-such-host.invalid:7443".parse().unwrap();
    let bad = steps(probe(&nobody, None, &host, &Standing::NotEnrolled(&pins)).await);
    let (name, trouble) = bad.last().unwrap();
    assert!(*name == "name" && trouble.contains("nslookup"), "{bad:?}");

    let (_, port) = server.kill().await;
    let gone = format!("https://127.0.0.1:{port}").parse().unwrap();
    let bad = steps(probe(&gone, None, &host, &Standing::NotEnrolled(&pins)).await);
    let (name, trouble) = bad.last().unwrap();
    assert!(*name == "tcp" && trouble.contains("firewall"), "{bad:?}");
}
