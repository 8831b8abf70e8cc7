//! Connections and what they carry beside programs: ports, watches, logs; and what is none, or makes no sense.
#![allow(missing_docs)]

use futures_util::StreamExt;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::common::connections::{PATIENCE, World, clients};

#[tokio::test(flavor = "multi_thread")]
async fn ports_of_pods_are_reached() {
    for program in clients().await {
        let world = World::new().await;
        let mut child =
            world.command(&program, &["port-forward", "pod/box", ":8080", ":9"]).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut errors = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut local = Vec::new();
        while local.len() < 2 {
            let line = timeout(PATIENCE, lines.next_line()).await.expect("it says where").expect("text");
            let line = line.expect("it goes on");
            if let Some(rest) = line.strip_prefix("Forwarding from 127.0.0.1:") {
                local.push(rest.split(' ').next().expect("a port").to_owned());
            }
        }
        let at = |port: &str, path: &str| format!("http://127.0.0.1:{port}{path}");
        for _ in 0..3 {
            let answer = reqwest::get(at(&local[0], "/")).await.expect("it answers");
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.text().await.expect("a text"), "todo-api v1.0 from box\n");
        }
        // Over one connection, several, with a body, and without one in the answer.
        let http = reqwest::Client::new();
        let (one, two) =
            tokio::join!(http.get(at(&local[0], "/")).send(), http.get(at(&local[0], "/a")).send());
        assert!(
            one.expect("it answers").status().is_success() && two.expect("it answers").status().is_success()
        );
        let sent = http.post(at(&local[0], "/")).body("a=b").send().await.expect("it answers");
        assert_eq!(sent.text().await.expect("a text"), "todo-api v1.0 from box\n");
        let head = http.head(at(&local[0], "/")).send().await.expect("it answers");
        assert_eq!(head.headers()["content-length"], "23");
        assert_eq!(head.text().await.expect("a text"), "");
        let large =
            http.post(at(&local[0], "/")).body(vec![b'x'; 300 << 10]).send().await.expect("it answers");
        assert_eq!(large.status(), 413);
        reqwest::get(at(&local[1], "/")).await.expect_err("nobody listens there");
        let line = timeout(PATIENCE, async {
            loop {
                let line = errors.next_line().await.expect("text").expect("it goes on");
                if line.contains("connection refused") {
                    return line;
                }
            }
        });
        let line = line.await.expect("it says why");
        assert!(line.contains("failed to connect to localhost:9 inside namespace"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_connection_is_refused_in_kubernetes_words() {
    let world = World::new().await;
    let pods = format!("/k8s/{}{}/api/v1/namespaces/default/pods", world.session.id, world.session.owner);
    let viewer = format!("/k8s/{}{}/api/v1/namespaces/default/pods", world.session.id, world.session.viewer);
    let socket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let v5 = "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n";
    let spdy = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
    let v4 = "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n";
    let run = "exec?command=ls&container=web&stdout=true";
    for (line, headers, wanted) in [
        (format!("GET {pods}/box/{run}"), String::new(), "400|Upgrade request required"),
        (format!("POST {pods}/box/portforward"), String::new(), "400|Upgrade request required"),
        (
            format!("GET {pods}/box/{run}"),
            format!("{socket}Sec-WebSocket-Protocol: chat\r\n"),
            "403|content-length: 0",
        ),
        (
            format!("POST {pods}/box/{run}"),
            "Connection: Upgrade\r\nUpgrade: h2c\r\n".into(),
            "400|unsupported protocol",
        ),
        (
            format!("POST {pods}/box/{run}"),
            format!("{spdy}X-Stream-Protocol-Version: v9\r\n"),
            "403|unable to negotiate protocol: client supports [\\\"v9\\\"], server accepts [\\\"v4.channel.k8s.io\\\"]",
        ),
        (format!("GET {pods}/gone/{run}"), format!("{socket}{v5}"), "404|pods \\\"gone\\\" not found"),
        (format!("POST {pods}/gone/{run}"), format!("{spdy}{v4}"), "404|pods \\\"gone\\\" not found"),
        (
            format!("GET {pods}/gone/portforward"),
            format!("{socket}Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n"),
            "404|pods \\\"gone\\\" not found",
        ),
        (
            format!("GET {pods}/box/exec?container=web&stdout=true"),
            format!("{socket}{v5}"),
            "400|you must specify at least 1 command for the container",
        ),
        (
            format!("GET {pods}/box/exec?container=web&command=ls"),
            format!("{socket}{v5}"),
            "400|you must specify at least 1 of stdin, stdout, stderr",
        ),
        (
            format!("GET {pods}/box/exec?command=ls&stdout=true"),
            format!("{socket}{v5}"),
            "400|a container name must be specified for pod box, choose one of: [web typist]",
        ),
        (
            format!("GET {viewer}/box/{run}"),
            format!("{socket}{v5}"),
            "403|cannot create resource \\\"pods/exec\\\"",
        ),
        (format!("GET {pods}/box/{run}"), format!("{socket}{v5}"), "101|"),
        (format!("POST {pods}/box/{run}"), format!("{spdy}{v4}"), "101|"),
    ] {
        let mut stream = TcpStream::connect(&world.server.address).await.expect("it connects");
        let request = format!("{line} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", world.server.address);
        stream.write_all(request.as_bytes()).await.expect("it is sent");
        let (code, text) = wanted.split_once('|').expect("two parts");
        let mut answer = String::new();
        while !(answer.contains("\r\n\r\n") && answer.contains(text)) {
            let mut buffer = [0; 4096];
            let count = timeout(PATIENCE, stream.read(&mut buffer)).await;
            let count = count.unwrap_or_else(|_| panic!("{line} {headers}: {answer}")).expect("it is whole");
            assert!(count > 0, "{line} {headers}: {answer}");
            answer.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{line} {headers}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_make_no_sense_end_their_connection_only() {
    let world = World::new().await;
    let pods = format!("/k8s/{}{}/api/v1/namespaces/default/pods", world.session.id, world.session.owner);
    let upgrade = format!(
        "POST {pods}/box/portforward HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\
         X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n",
        world.server.address
    );
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        // Another version, a frame too long, a frame too short, headers that are none, a frame cut off.
        &[0x80, 2, 0, 1, 0, 0, 0, 0],
        &[0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff],
        &[0x80, 3, 0, 1, 0, 0, 0, 2, 0, 0],
        &[0x80, 3, 0, 1, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
        &[0x00, 0, 0, 1, 0, 0, 0, 9],
    ] {
        let mut stream = TcpStream::connect(&world.server.address).await.expect("it connects");
        stream.write_all(upgrade.as_bytes()).await.expect("it is sent");
        let mut answer = vec![0; 12];
        timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("in time").expect("it answers");
        assert_eq!(answer, b"HTTP/1.1 101");
        stream.write_all(garbage).await.expect("it is sent");
        stream.shutdown().await.expect("it is open");
        let mut rest = Vec::new();
        // The server may have closed it with what it did not read.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it ends");
    }
    let mut shell =
        world.connect("exec?command=cat&container=web&stdin=true&stdout=true", "v5.channel.k8s.io").await;
    shell.send(0, "still here\n").await;
    shell.until(1, "still here\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_spoken_to_in_all_protocols() {
    let world = World::new().await;
    let script = "read%20a;%20echo%20got%20$a;%20exit%207";
    let run = format!("exec?command=sh&command=-c&command={script}&container=web&stdin=1&stdout=1");
    let text = "command terminated with non-zero exit code: error executing command, exit code 7";
    // What is asked for, what is spoken, whether the first message is empty and the end is a Status.
    for (asked, spoken, greets, has_status) in [
        ("", "", true, false),
        ("channel.k8s.io", "channel.k8s.io", true, false),
        ("base64.channel.k8s.io", "base64.channel.k8s.io", true, false),
        ("other, v4.base64.channel.k8s.io, v4.channel.k8s.io", "v4.base64.channel.k8s.io", true, true),
        ("v4.channel.k8s.io, base64.channel.k8s.io", "v4.channel.k8s.io", true, true),
        ("v4.channel.k8s.io, v5.channel.k8s.io", "v5.channel.k8s.io", false, true),
    ] {
        let mut shell = world.connect(&run, asked).await;
        assert_eq!(shell.protocol, spoken, "{asked}");
        shell.send(0, "a word\n").await;
        shell.until(1, "got a word\n").await;
        assert_eq!(shell.heard[0] == (1, String::new()), greets, "{asked}: {:?}", shell.heard);
        shell.until(3, if has_status { "}" } else { text }).await;
        assert_eq!(shell.all(3).contains(r#""reason":"NonZeroExitCode""#), has_status, "{:?}", shell.heard);
        // Nothing is told of what ends well where there is no Status for it.
        let mut good = world.connect("exec?command=true&container=web&stderr=true", asked).await;
        if has_status {
            good.until(3, "\"status\":\"Success\"}").await;
        } else {
            while let Some(Ok(message)) = good.socket.next().await {
                assert!(message.is_close() || message.len() < 2, "{asked}: {message:?}");
            }
        }
    }
    for asked in ["", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"] {
        let mut socket = world.connect("portforward?ports=8080", asked).await;
        assert_eq!(socket.protocol, asked);
        socket.send(0, "GET / HTTP/1.1\r\nHost: box\r\n\r\n").await;
        socket.until(0, "todo-api v1.0 from box\n").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_are_reached_over_channels_too() {
    let world = World::new().await;
    let request = "GET / HTTP/1.1\r\nHost: box\r\n\r\n";
    let mut socket = world.connect("portforward?ports=8080&ports=9", "v4.channel.k8s.io").await;
    socket.send(0, request).await;
    socket.until(0, "todo-api v1.0 from box\n").await;
    assert!(socket.all(0).contains("HTTP/1.1 200 OK\r\n"), "{:?}", socket.heard);
    socket.send(2, request).await;
    socket.until(3, "127.0.0.1:9: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address ").await;
    socket.heard.clear();
    socket.send(0, request).await;
    socket.until(0, "todo-api v1.0 from box\n").await;
    // TLS, Redis, Postgres: what is no HTTP is refused with words, not with an answer in HTTP.
    for begins in ["\u{16}\u{3}\u{1}", "*1\r\n$4\r\nPING\r\n", "\0\0\0\u{8}"] {
        let mut socket = world.connect("portforward?ports=8080", "v4.channel.k8s.io").await;
        socket.send(0, begins).await;
        socket.until(1, "is no HTTP/1.1, and simulated containers speak nothing else").await;
        // Two bytes are the number of the port.
        assert_eq!(socket.all(0).chars().count(), 2, "{:?}", socket.heard);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_and_logs_come_over_websockets_too() {
    let world = World::new().await;
    let pods = "/api/v1/namespaces/default/pods";
    // Path, protocol that is asked for and the one that is spoken, and how the first message begins.
    for (path, asked, spoken, begins) in [
        (format!("{pods}?watch=1"), "", None, "{\"type\":\"ADDED\""),
        (
            format!("{pods}?watch=true"),
            "base64.binary.k8s.io",
            Some("base64.binary.k8s.io"),
            "{\"type\":\"ADDED\"",
        ),
        (format!("/api/v1/watch{}", &pods[7..]), "other", None, "{\"type\":\"ADDED\""),
        (
            format!("{pods}/box/log?container=web&follow=true"),
            "base64.binary.k8s.io",
            Some("base64.binary.k8s.io"),
            "dG9kby1hcGkgdjEuMCBsaXN0ZW5pbmcgb24gOjgwODAK",
        ),
        (
            format!("{pods}/box/log?container=web&follow=true"),
            "binary.k8s.io",
            Some("binary.k8s.io"),
            "todo-api v1.0 listening on :8080\n",
        ),
        (
            format!("{pods}/box/log?container=web"),
            "base64.binary.k8s.io",
            Some("base64.binary.k8s.io"),
            "dG9kby1hcGkgdjEuMCBsaXN0ZW5pbmcgb24gOjgwODAK",
        ),
        (
            format!("{pods}/box/log?container=web"),
            "binary.k8s.io",
            Some("binary.k8s.io"),
            "todo-api v1.0 listening on :8080\n",
        ),
    ] {
        let url = world.url(&path).replace("http://", "ws://");
        let mut request = url.into_client_request().expect("the address is right");
        if !asked.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", asked.parse().expect("a header"));
        }
        let connected = tokio_tungstenite::connect_async(request).await;
        let Ok((mut socket, answer)) = connected else {
            // Clients of this kind give up where nothing they speak is spoken; the server does not.
            assert_eq!((asked, spoken), ("other", None), "{connected:?}");
            continue;
        };
        let told = answer.headers().get("sec-websocket-protocol").and_then(|name| name.to_str().ok());
        assert_eq!(told, spoken, "{path}");
        let first = timeout(PATIENCE, socket.next()).await.expect("it comes").expect("it is open");
        let first = first.expect("it is whole").into_data();
        assert!(first.starts_with(begins.as_bytes()), "{path}: {}", String::from_utf8_lossy(&first));
        let ends = String::from_utf8_lossy(&first[first.len() - 1..]).into_owned();
        assert!(!path.contains("watch") || ends == "}", "{path}");
        if path.ends_with("/log?container=web") {
            let next = timeout(PATIENCE, socket.next()).await.expect("it comes");
            assert!(matches!(next, Some(Ok(Message::Close(_)))), "that was all: {next:?}");
            continue;
        }
        socket.close(None).await.expect("it is closed");
    }
    // Pages say who they are among the protocols: at the root that opens a session, and is not spoken.
    let encode = |text: &str| base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, text);
    let prefix = "base64url.bearer.authorization.k8s.io.";
    let owner = format!("{}{}", world.session.id, world.session.owner);
    let key = encode(&owner);
    for (asked, spoken) in [
        (format!("{prefix}{key}, base64.binary.k8s.io"), Some("base64.binary.k8s.io")),
        (format!("base64.binary.k8s.io,{prefix}{key}"), Some("base64.binary.k8s.io")),
        // No protocol is left; another's key; no key.
        (format!("{prefix}{key}"), None),
        (format!("{prefix}{}, base64.binary.k8s.io", encode(&owner.chars().rev().collect::<String>())), None),
        (format!("{prefix}%, base64.binary.k8s.io"), None),
    ] {
        let url = world.server.url(&format!("{pods}?watch=1")).replace("http://", "ws://");
        let mut request = url.into_client_request().expect("the address is right");
        request.headers_mut().insert("sec-websocket-protocol", asked.parse().expect("a header"));
        let connected = tokio_tungstenite::connect_async(request).await;
        let told =
            connected.as_ref().ok().and_then(|(_, answer)| answer.headers().get("sec-websocket-protocol"));
        assert_eq!(told.and_then(|name| name.to_str().ok()), spoken, "{asked}: {connected:?}");
        assert!(spoken.is_some() || connected.is_err_and(|why| why.to_string().contains("401")), "{asked}");
    }
    // What is refused is refused before anything else.
    let url = world.url("/api/v1/namespaces/default/nothing?watch=1").replace("http://", "ws://");
    let refused = tokio_tungstenite::connect_async(url).await.expect_err("there is no such thing");
    assert!(refused.to_string().contains("404"), "{refused}");
}
