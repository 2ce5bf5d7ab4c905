use std::net::IpAddr;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// `public.test` has a public address, `inside.test` a private one, `both.test` one of each, `local.test` this machine's.
struct TestLookup;

impl Lookup for TestLookup {
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        let texts: &[&str] = match name {
            "public.test" => &["93.184.216.34"],
            "inside.test" => &["10.0.0.7"],
            "both.test" => &["93.184.216.34", "::1"],
            "mapped.test" => &["::ffff:192.168.1.1"],
            "local.test" => &["127.0.0.1"],
            _ => &[],
        };
        let addresses = texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        async move { if addresses.is_empty() { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(addresses) } }
            .boxed()
    }
}

fn client(allow_private: bool) -> Client {
    Client::new(FetchConfig { allow_private }, Arc::new(TestLookup))
}

fn refused<T>(result: Result<T, FetchError>) -> bool {
    matches!(result, Err(FetchError::Refused(_)))
}

/// Answers every request on a connection of its own.
async fn server(answer: impl Fn(&str) -> String + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let len = stream.read(&mut head).await.unwrap();
            let path = String::from_utf8_lossy(&head[..len]).split(' ').nth(1).unwrap_or_default().to_owned();
            let _ = stream.write_all(answer(&path).as_bytes()).await;
        }
    });
    port
}

const FOUND: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfound";

fn moved(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn addresses_that_are_not_called_are_refused_before_and_while_connecting() {
    let client = client(false);
    for url in [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://inside.test/",
        "http://both.test/",
        "http://mapped.test/",
        "http://local.test/",
        "http://user@public.test/",
        "http://:secret@public.test/",
        "ftp://public.test/",
        "file:///etc/passwd",
    ] {
        let url: Url = url.parse().unwrap();
        assert!(refused(client.check(&url).await), "{url}");
        assert!(refused(client.get(&url).await), "{url}");
    }
    assert!(client.check(&"http://public.test/film.mp4".parse().unwrap()).await.is_ok());
    assert!(client.check(&"https://93.184.216.34/".parse().unwrap()).await.is_ok());
    assert!(client.check(&"http://nowhere.test/".parse().unwrap()).await.is_ok(), "may resolve later");
    let unresolved = client.get(&"http://nowhere.test/".parse().unwrap()).await;
    assert!(matches!(unresolved, Err(FetchError::Failed(_))));
}

#[tokio::test]
async fn the_range_check_can_be_lifted_and_the_form_check_can_not() {
    let port = server(|_| FOUND.to_owned()).await;
    let client = client(true);
    for host in ["127.0.0.1", "local.test"] {
        let url: Url = format!("http://{host}:{port}/").parse().unwrap();
        assert!(client.check(&url).await.is_ok());
        assert_eq!(client.get(&url).await.unwrap().text().await.unwrap(), "found", "{host}");
    }
    let url: Url = format!("http://user@127.0.0.1:{port}/").parse().unwrap();
    assert!(refused(client.get(&url).await));
}

#[tokio::test]
async fn redirects_are_followed_five_times_and_each_is_checked() {
    let port = server(move |path| match path {
        "/end" => FOUND.to_owned(),
        "/out" => moved("ftp://public.test/"),
        "/credentials" => moved("//user@local.test/"),
        "/void" => "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        "/loop" => moved("/loop"),
        step => match step[1..].parse::<u32>() {
            Ok(0) | Err(_) => moved("/end"),
            Ok(left) => moved(&format!("/{}", left - 1)),
        },
    })
    .await;
    let client = client(true);
    let get = |path: &str| {
        let url: Url = format!("http://local.test:{port}{path}").parse().unwrap();
        let client = &client;
        async move { client.get(&url).await }
    };
    assert_eq!(get("/4").await.unwrap().text().await.unwrap(), "found", "five redirects");
    assert!(matches!(get("/5").await, Err(FetchError::Failed(_))), "six redirects");
    assert!(matches!(get("/loop").await, Err(FetchError::Failed(_))));
    assert!(matches!(get("/void").await, Err(FetchError::Failed(_))));
    assert!(refused(get("/out").await));
    assert!(refused(get("/credentials").await));
}

/// A public first address that redirects inward: played by a resolver that lets `first.test` through to this machine.
#[tokio::test]
async fn a_redirect_to_this_machine_is_refused() {
    struct Rebinding;
    impl Lookup for Rebinding {
        fn lookup<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
            async { Ok(vec!["127.0.0.1".parse().unwrap()]) }.boxed()
        }
    }
    let port = server(|_| moved("http://127.0.0.1:1/")).await;
    let mut client = Client::new(FetchConfig { allow_private: true }, Arc::new(Rebinding));
    // The range check holds for literals from here on, while names still lead to this machine's test server.
    client.resolver = CheckedResolver::new(Arc::new(Rebinding), false);
    let url: Url = format!("http://first.test:{port}/").parse().unwrap();
    assert!(refused(client.get(&url).await));
    // A redirect elsewhere is followed, so it was the address that was refused.
    let port = server(move |path| if path == "/end" { FOUND.to_owned() } else { moved("/end") }).await;
    let url: Url = format!("http://first.test:{port}/").parse().unwrap();
    assert_eq!(client.get(&url).await.unwrap().text().await.unwrap(), "found");
}
