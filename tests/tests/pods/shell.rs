//! The small shell: what scripts write, and how they end.

use shared::sim::{Duration, LogOptions};

use super::world::World;

/// Script, standard output, standard error, exit code.
const SCRIPTS: &[(&str, &str, &str, i32)] = &[
    ("echo hi", "hi\n", "", 0),
    ("echo -n a; echo b", "ab\n", "", 0),
    ("exit 3", "", "", 3),
    ("cd /tmp && echo $PWD \"${PWD}/x\"; (cd /etc; pwd); pwd", "/tmp /tmp/x\n/etc\n/tmp\n", "", 0),
    ("true && echo yes || echo no", "yes\n", "", 0),
    ("false && echo yes || echo no", "no\n", "", 0),
    ("false || false; echo $?", "1\n", "", 0),
    ("A='x y'; echo $A \"$A\" '$A' ${A}z ${B:-none} ${#A}", "x y x y $A x yz none 3\n", "", 0),
    ("if [ 1 -eq 1 ]; then echo a; else echo b; fi", "a\n", "", 0),
    ("if test -f /nope; then echo a; elif true; then echo c; fi", "c\n", "", 0),
    ("for i in 1 2 3; do echo $i; done | tail -n 1", "3\n", "", 0),
    ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done", "1\n3\n", "", 0),
    ("until false; do break; done; echo done", "done\n", "", 0),
    ("case abc in a*) echo first;; *) echo other;; esac", "first\n", "", 0),
    ("f() { echo \"got $1\"; return 4; }; f x; echo $?", "got x\n4\n", "", 0),
    ("echo one > /tmp/f; echo two >> /tmp/f; cat /tmp/f; wc -l < /tmp/f", "one\ntwo\n2\n", "", 0),
    ("echo err >&2; echo out", "out\n", "err\n", 0),
    ("ls /nope 2>/dev/null || echo missing", "missing\n", "", 0),
    ("cat /nope", "", "cat: can't open '/nope': No such file or directory\n", 1),
    ("frobnicate; echo $?", "127\n", "sh: frobnicate: not found\n", 0),
    ("frobnicate", "", "sh: frobnicate: not found\n", 127),
    ("echo $(echo nested $(echo deep)) `echo old`", "nested deep old\n", "", 0),
    ("x=$(false); echo $?", "1\n", "", 0),
    ("(cd /tmp; pwd); pwd", "/tmp\n/\n", "", 0),
    ("(exit 5); echo $?", "5\n", "", 0),
    ("set -e; false; echo never", "", "", 1),
    ("set -e; if false; then :; fi; false || true; echo on", "on\n", "", 0),
    ("printf '\\033[1m\\101\\n'", "\u{1b}[1mA\n", "", 0),
    ("echo -e '\\0101'", "A\n", "", 0),
    ("printf '%s-%03d\\n' a 7", "a-007\n", "", 0),
    ("echo b a | tr ' ' '\\n' | sort | head -1", "a\n", "", 0),
    ("printf 'a b\\nc d\\n' | while read x y; do echo $y; done", "b\nd\n", "", 0),
    ("cat <<EOF\nhello $((1 + 2 * 3))\nEOF", "hello 7\n", "", 0),
    ("mkdir -p /data/x && touch /data/x/f && ls /data/x && rm -r /data/x && ls /data", "f\n", "", 0),
    ("echo a b | cut -d' ' -f2; echo abc | sed 's/b/X/'; echo abc | grep -c b", "b\naXc\n1\n", "", 0),
    ("id -u; hostname; pwd; echo $HOME", "0\np\n/\n/root\n", "", 0),
    ("seq 3 | { read a; echo first $a; }", "first 1\n", "", 0),
    ("sh -c 'exit 9'; echo $?", "9\n", "", 0),
    ("sh -c 'echo $0 $1' name one", "sh one\n", "", 0),
    ("trap 'echo bye' EXIT; echo hi", "hi\nbye\n", "", 0),
    ("sleep 1 & wait; echo waited", "waited\n", "", 0),
    ("timeout 1 sleep 100; echo $?", "143\n", "", 0),
    ("echo \"unclosed", "", "sh: syntax error: unterminated quoted string\n", 2),
    ("if true; then echo x", "", "sh: syntax error: unexpected end of file (expecting \"fi\")\n", 2),
    ("! true; echo $?; ! false && echo fine", "1\nfine\n", "", 0),
    ("echo \"a\" > /etc/x/y", "", "sh: can't create /etc/x/y: nonexistent directory\n", 2),
    ("V=1 env | grep ^V=; echo ${V-unset}", "V=1\nunset\n", "", 0),
    ("expr 7 % 2; expr 2 + 3 '*' 4; expr \\( 2 + 3 \\) '*' 4; expr length abcd", "1\n14\n20\n4\n", "", 0),
    ("expr 4 - 4; echo $?; expr a = b; echo $?; expr 10 '>' 9", "0\n1\n0\n1\n1\n", "", 0),
    ("expr 1 / 0; echo $?; expr 1 +", "2\n", "expr: division by zero\nexpr: syntax error\n", 2),
    (
        "printf 'a b c\nd e f\n' | awk '{print $2, $NF}'; echo x:y | awk -F: '{print $2 NR}'",
        "b c\ne f\n",
        "awk: {print $2 NR}: this small awk only prints fields\n",
        1,
    ),
    (
        "printf 'a b\nc d\n' | awk '/c/ {print NR, \"is\", $1}'; echo x > /tmp/f; wc -l /tmp/f | awk {'print $1'}",
        "2 is c\n1\n",
        "",
        0,
    ),
    ("test 3 -gt x", "", "sh: x: bad number\n", 2),
    ("exec echo replaced; echo never", "replaced\n", "", 0),
    (
        "ls /bin | head -4 | tr '\\n' ' '; test -x /bin/sh && echo yes; ls /bin/nothing",
        "[ ash awk base64 yes\n",
        "ls: /bin/nothing: No such file or directory\n",
        1,
    ),
    ("for f in /etc/host*; do echo $f; done", "/etc/hostname\n/etc/hosts\n", "", 0),
    ("echo abcdef | cut -c2-4; echo abcdef | cut -c 1,5-; echo abc | cut -b-2", "bcd\naef\nab\n", "", 0),
    (
        "echo a:b:c:d | cut -d: -f2-3,1; echo none | cut -d: -f2; echo none | cut -s -d: -f2",
        "a:b:c\nnone\n",
        "",
        0,
    ),
    ("echo a | cut -f0", "", "cut: invalid byte, character or field list\n", 1),
    (
        "seq 5 | sed -n 2p; seq 5 | sed '2,$d'; seq 2 | sed -n '$p'; seq 2 | sed 1p",
        "2\n1\n2\n1\n1\n2\n",
        "",
        0,
    ),
    ("tty; echo $?; stty size", "not a tty\n1\n", "stty: standard input: Not a tty\n", 1),
    ("touch /tmp/g; ls -l /tmp/g | awk '{print $1, $9}'", "-rw-r--r-- /tmp/g\n", "", 0),
    (
        "df -h | awk '{print $2, $5}'; free -m | awk '/Mem/ {print $2}'",
        "Size Use%\n100.0G 10%\n8192\n",
        "",
        0,
    ),
    ("ping -c x localhost", "", "ping: invalid number 'x'\n", 1),
    (
        "ping -c1 127.0.0.1",
        "PING 127.0.0.1 (127.0.0.1): 56 data bytes\n64 bytes from 127.0.0.1: seq=0 ttl=62 time=0.100 ms\n\n--- 127.0.0.1 ping \
         statistics ---\n1 packets transmitted, 1 packets received, 0% packet loss\nround-trip min/avg/max = \
         0.100/0.100/0.100 ms\n",
        "",
        0,
    ),
    (
        "echo hi > /tmp/f; chmod 640 /tmp/f; stat -c '%a %u:%g %s %F %n' /tmp/f; stat /tmp/f | head -n 4",
        "640 0:0 3 regular file /tmp/f\n  File: /tmp/f\n  Size: 3\tBlocks: 8\tIO Block: 4096   regular file\nDevice: \
         2ah/42d\tInode: 2\tLinks: 1\nAccess: (0640/-rw-r-----)  Uid: (    0/    root)   Gid: (    0/    root)\n",
        "",
        0,
    ),
    ("stat /nowhere", "", "stat: can't stat '/nowhere': No such file or directory\n", 1),
    (
        "cat /proc/1/oom_score_adj; cat /proc/1/cmdline | wc -c; grep -c kB /proc/meminfo",
        "1000\n15\n4\n",
        "",
        0,
    ),
];

/// What would end the whole server, or keep it busy for minutes: script, standard output, standard error, exit code.
const BOMBS: &[(&str, &str, &str, i32)] = &[
    ("X='(1'; echo $(($X))", "", "sh: arithmetic syntax error\n", 2),
    ("echo ${00}", "sh\n", "", 0),
    ("printf %99999d 5 | wc -c", "10000\n", "", 0),
    ("F=$(printf %010000d 0 | sed s/0/%010000d/g); printf $F | wc -c", "0\n", "", 0),
    ("A=$(seq 20000); echo \"$A\" | sed \"s/1/$A/g\" | wc -c", "0\n", "sed: out of memory\n", 0),
    ("seq 20000 | tr '\\n' ' ' | awk '{print $0,$0,$0,$0,$0,$0,$0,$0,$0,$0}'", "", "awk: out of memory\n", 1),
    ("seq 20000 > /f; cat /f /f /f /f /f /f /f /f /f /f /f | wc -c", "0\n", "cat: out of memory\n", 0),
    (
        "A=$(seq 20000); for I in $A $A $A $A $A $A $A $A $A $A; do echo never; done",
        "",
        "sh: Argument list too long\n",
        2,
    ),
    ("echo abc | tr '\0-\u{10ffff}' x", "xxxx", "", 0),
    ("echo a | grep $(printf %0999d 0)", "", "grep: regular expression too big\n", 1),
    ("A=abcabc; echo ${A#*b} ${A%b*} ${A#?} ${A%x} ${A#}", "cabc abca bcabc abcabc abcabc\n", "", 0),
];

#[test]
fn scripts_do_what_they_do_elsewhere() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: busybox, command: [sleep, infinity]}]");
    world.until("it runs", |world| world.shown() == "Running");
    let mut wrong = Vec::new();
    for (script, stdout, stderr, code) in SCRIPTS.iter().chain(BOMBS) {
        let result = world.exec(&["sh", "-c", script]).expect("an answer");
        let found = (result.stdout.as_str(), result.stderr.as_str(), result.exit_code);
        if found != (*stdout, *stderr, *code) {
            wrong.push(format!("{script}\n  {found:?}\n  wanted {:?}", (stdout, stderr, code)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn programs_run_without_a_shell_or_are_not_there() {
    let mut world = World::new();
    world.pod(
        "hostname: host\nsubdomain: sub\nhostAliases: [{ip: 10.1.2.3, hostnames: [foo, bar]}]\n\
         containers: [{name: c, image: nginx, env: [{name: GREETING, value: hello}]}]",
    );
    world.until("it runs", |world| world.shown() == "Running");
    let out = |world: &mut World, words: &[&str]| world.exec(words).unwrap().stdout.to_string();
    assert!(out(&mut world, &["env"]).contains("GREETING=hello\nHOME=/root\nHOSTNAME=host\n"));
    assert!(out(&mut world, &["cat", "/etc/hosts"]).ends_with(
        "\thost.sub.default.svc.cluster.local\thost\n\n# Entries added by HostAliases.\n10.1.2.3\tfoo\tbar\n"
    ));
    assert_eq!(
        out(&mut world, &["cat", "/etc/resolv.conf"]),
        "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
    );
    assert_eq!(
        out(&mut world, &["ps"]),
        "PID   USER     TIME  COMMAND\n    1 root      0:00 nginx\n    5 root      0:00 ps\n"
    );
    let negated = world.exec(&[&["test"][..], &["!"; 30_000]].concat()).unwrap();
    assert_eq!((negated.exit_code, negated.stderr.as_str()), (2, "sh: too many arguments\n"));
    let missing = world.exec(&["frobnicate"]).unwrap();
    assert_eq!((missing.exit_code, missing.stdout.as_str()), (126, ""));
    assert!(missing.failure.starts_with(
        "error executing command in container: failed to exec in container: failed to start exec \""
    ));
    assert!(missing.failure.ends_with("exec: \"frobnicate\": executable file not found in $PATH: unknown"));
    assert_eq!(world.exec_in("x", &["ls"]).unwrap_err(), "400 container x is not valid for pod p");
}

/// What a pod asks of the API server with curl, the exit code, and how the answer begins and what else it has.
const API_CALLS: &[(&str, i32, &str, &str)] = &[
    (
        "curl -sk https://kubernetes.default.svc/version",
        0,
        "{\n  \"major\": \"1\",\n  \"minor\": \"36\"",
        "gitVersion",
    ),
    ("curl -sk https://kubernetes/healthz", 0, "ok", ""),
    (
        "curl -sk https://kubernetes.default/api",
        0,
        "{\n  ",
        "system:anonymous\\\" cannot get path \\\"/api\\\"",
    ),
    (
        "curl https://kubernetes.default.svc/version",
        60,
        "curl: (60) SSL certificate problem: unable to get local issuer",
        "",
    ),
    (
        "curl -s http://kubernetes.default.svc:443/api",
        0,
        "Client sent an HTTP request to an HTTPS server.",
        "",
    ),
    (
        "curl -s --cacert $SA/ca.crt -H \"Authorization: Bearer $(cat $SA/token)\" $API/api/v1/namespaces/default/pods",
        0,
        "{\n  ",
        "User \\\"system:serviceaccount:default:default\\\" cannot list resource \\\"pods\\\"",
    ),
    (
        "curl -s --cacert $SA/ca.crt -H \"Authorization: Bearer $(cat $SA/token)\" $API/api/v1/namespaces/default/configmaps",
        0,
        "{\n  ",
        "\"name\": \"kube-root-ca.crt\"",
    ),
    ("curl -sk -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer nobody' $API/api", 0, "401", ""),
];

#[test]
fn a_pod_asks_the_api_server_as_its_account() {
    let mut world = World::new();
    world.apply(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: maps}, rules: [{apiGroups: [''], \
         resources: [configmaps], verbs: [get, list]}]}\n---\n{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, \
         metadata: {name: maps}, subjects: [{kind: ServiceAccount, name: default, namespace: default}], roleRef: {apiGroup: \
         rbac.authorization.k8s.io, kind: Role, name: maps}}",
    );
    world.pod("containers: [{name: c, image: nginx}]");
    world.until("it runs", |world| world.shown() == "Running");
    for (call, code, begins, has) in API_CALLS {
        let setting =
            "SA=/var/run/secrets/kubernetes.io/serviceaccount; API=https://kubernetes.default.svc; ";
        let ended = world.exec(&["sh", "-c", &format!("{setting}{call}")]).unwrap();
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(
            ended.exit_code == *code && said.starts_with(begins) && said.contains(has),
            "{call}: {ended:?}"
        );
    }
}

/// Constructs of the shell, one inside the other, far deeper than a stack is: open, inside, close.
const DEEP: &[(&str, &str, &str)] = &[
    ("${A:-", "x", "}"),
    ("\"${A:-", "x", "}\""),
    ("$((", "1", "))"),
    ("$(", "echo", ")"),
    ("f() ", "echo", ""),
    ("command ", "echo", ""),
    ("exec ", "echo", ""),
    ("env ", "echo", ""),
    ("timeout 1 ", "echo", ""),
    ("if ", "true", ";then :;fi"),
    ("{ ", "true", "; }"),
    ("( ", "true", ")"),
];

#[test]
fn what_nests_too_deeply_is_refused() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: busybox, command: [sleep, infinity]}]");
    world.until("it runs", |world| world.shown() == "Running");
    for (open, inside, close) in DEEP {
        let script = format!("{}{inside}{}", open.repeat(9_000), close.repeat(9_000));
        let result = world.exec(&["sh", "-c", &script]).expect("an answer");
        let refused = ["nested too deeply", "Resource temporarily unavailable", "syntax error"];
        assert!(refused.iter().any(|why| result.stderr.contains(why)), "{open}: {result:?}");
    }
    let words: Vec<&str> = ["timeout", "1", "env"].into_iter().cycle().take(60_000).collect();
    assert_ne!(world.exec(&words).expect("an answer").exit_code, 0);
}

#[test]
fn what_goes_through_much_text_takes_turns() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: busybox, command: [sleep, infinity]}]");
    world.until("it runs", |world| world.shown() == "Running");
    let before = world.0.now();
    let script = "A=$(printf %010000d 0); A=$A$A$A$A; P=$(printf %0900d 0); for I in $(seq 12); do case $A in *${P}1) ;; esac; done";
    assert_eq!(world.exec(&["sh", "-c", script]).expect("an answer").exit_code, 0);
    assert!(world.0.now().since(before) > Duration::seconds(3), "others had their turns meanwhile");
}

#[test]
fn programs_take_their_time() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: nginx}]");
    world.until("it runs", |world| world.shown() == "Running");
    let before = world.0.now();
    let result = world.exec(&["sh", "-c", "date +%s; sleep 5; date +%s"]).unwrap();
    let moments: Vec<i64> = result.stdout.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(moments[1] - moments[0], 5);
    assert!(world.0.now() >= before + Duration::seconds(5));
    // Whoever ends the first process ends all others.
    let result = world.exec(&["sh", "-c", "kill 1; sleep 100; echo never"]).unwrap();
    assert_eq!((result.stdout.as_str(), result.exit_code), ("", 137));
    world.until("it was started again", |world| world.container("c")["restartCount"].as_i64() == Some(1));
}

#[test]
fn requests_go_over_the_simulated_network() {
    let mut world = World::new();
    world.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}\n\
         ---\napiVersion: v1\nkind: Pod\nmetadata: {name: server, labels: {app: web}}\n\
         spec: {containers: [{name: c, image: 'todo-api:v1.0'}]}\n",
    );
    world.pod("containers: [{name: c, image: 'curlimages/curl', command: [sleep, infinity]}]");
    world.wait(15);
    let run = |world: &mut World, script: &str| {
        let result = world.exec(&["sh", "-c", script]).unwrap();
        (result.stdout.to_string(), result.stderr.to_string(), result.exit_code)
    };
    let text = |text: &str| text.to_owned();
    assert_eq!(run(&mut world, "curl -s http://web"), (text("todo-api v1.0 from server\n"), text(""), 0));
    assert_eq!(
        run(&mut world, "wget -qO- web.default.svc.cluster.local"),
        (text("todo-api v1.0 from server\n"), text(""), 0)
    );
    assert_eq!(
        run(&mut world, "curl -s -o /dev/null -w '%{http_code}' web/healthz"),
        (text("200"), text(""), 0)
    );
    assert_eq!(
        run(&mut world, "wget -qO- http://nobody"),
        (text(""), text("wget: bad address 'nobody'\n"), 1)
    );
    assert_eq!(
        run(&mut world, "curl http://nobody"),
        (text(""), text("curl: (6) Could not resolve host: nobody\n"), 6)
    );
    let (_, why, code) = run(&mut world, "curl http://web:81 -m 3");
    // With IPVS the node itself has a Service's address, and nothing listens there.
    assert_eq!((code, why.starts_with("curl: (7) Failed to connect to web port 81")), (7, true));
    let (_, why, code) = run(&mut world, "curl localhost:9");
    assert_eq!((code, why.starts_with("curl: (7) Failed to connect to localhost port 9")), (7, true));
    let (found, _, code) = run(&mut world, "nslookup web");
    assert!(code == 0 && found.contains("Name:\tweb.default.svc.cluster.local\nAddress: 10."), "{found}");
    // Pods answer echoes; Services have ports only, and names that lead nowhere are said to.
    let (found, _, code) = run(&mut world, "ping -c 2 -W 1 $(getent hosts web | awk '{print $1}')");
    assert!(
        code == 1 && found.contains("2 packets transmitted, 0 packets received, 100% packet loss"),
        "{found}"
    );
    let server = world.0.read(&shared::api::Key::new(shared::api::Kind::Pod, "default", "server"));
    let (found, _, code) = run(&mut world, &format!("ping -c2 {}", server["status"]["podIP"].str()));
    assert!(
        code == 0 && found.contains("2 packets transmitted, 2 packets received, 0% packet loss"),
        "{found}"
    );
    let (found, _, code) = run(&mut world, "ping -c1 p");
    assert!(code == 0 && found.starts_with("PING p (10.244."), "{found}");
    assert_eq!(run(&mut world, "ping -c1 nobody"), (text(""), text("ping: bad address 'nobody'\n"), 1));
    let (found, _, code) = run(&mut world, "nslookup nobody");
    assert!(code == 1 && found.ends_with("** server can't find nobody: NXDOMAIN\n\n"), "{found}");
}

#[test]
fn names_are_asked_for() {
    let mut world = World::new();
    world.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.50, selector: {app: web}, ports: [{name: http, \
         port: 80}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: peers}\nspec: {clusterIP: None, selector: {app: web}, ports: \
         [{name: http, port: 80}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: out}\nspec: {type: ExternalName, \
         externalName: db.example.com}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: server, labels: {app: web}}\n\
         spec: {hostname: one, subdomain: peers, containers: [{name: c, image: 'nginx'}]}\n",
    );
    world.pod("containers: [{name: c, image: 'somebody/dnsutils', command: [sleep, infinity]}]");
    world.wait(15);
    let zone = "default.svc.cluster.local";
    for (script, printed) in [
        ("dig +short +search web".to_owned(), "10.96.0.50\n".to_owned()),
        // Without its search path a short name leads nowhere.
        ("dig +short web".into(), String::new()),
        (format!("dig +notcp +noall +answer web.{zone} A"), format!("web.{zone}.\t30\tIN\tA\t10.96.0.50\n")),
        (format!("dig +short _http._tcp.web.{zone} SRV"), format!("0 100 80 web.{zone}.\n")),
        (format!("dig +short _http._tcp.peers.{zone} SRV"), format!("0 100 80 one.peers.{zone}.\n")),
        ("dig +short -x 10.96.0.50".into(), format!("web.{zone}.\n")),
        (
            "dig +search +noall +answer 50.0.96.10.in-addr.arpa. PTR".into(),
            format!("50.0.96.10.in-addr.arpa.\t30\tIN\tPTR\tweb.{zone}.\n"),
        ),
        (format!("dig +short out.{zone} CNAME"), "db.example.com.\n".into()),
        ("nslookup 10.96.0.50 | tail -n 2".into(), format!("50.0.96.10.in-addr.arpa\tname = web.{zone}\n\n")),
        (
            format!("nslookup -type=srv _http._tcp.peers.{zone} | tail -n 2"),
            format!("_http._tcp.peers.{zone}\tservice = 0 100 80 one.peers.{zone}\n\n"),
        ),
        (
            format!(
                "nslookup -q=ptr 50.0.96.10.in-addr.arpa | tail -n 2; nslookup -type=srv web.{zone} | tail -n 2"
            ),
            format!("50.0.96.10.in-addr.arpa\tname = web.{zone}\n\n*** Can't find web.{zone}: No answer\n\n"),
        ),
        ("nslookup -type=mxx web; echo $?".into(), "1\n".into()),
        (format!("dig nobody.{zone} | grep -c 'status: NXDOMAIN'"), "1\n".into()),
        (format!("dig web.{zone} | grep -c 'ANSWER SECTION'"), "1\n".into()),
        ("getent hosts web; getent hosts nobody; echo $?".into(), format!("10.96.0.50      web.{zone}\n2\n")),
    ] {
        let result = world.exec(&["sh", "-c", &script]).unwrap();
        assert_eq!(result.stdout.as_str(), printed, "{script}: {}", result.stderr);
    }
}

/// `command` of a busybox container, its log after twenty seconds, and the status of its pod.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("[sh, -c, 'echo hi; exit 1']", "hi\n", "Error"),
    ("[sh, -c, 'echo hi; sleep 5; echo bye']", "hi\nbye\n", "Completed"),
    ("[sh, -c, 'while true; do echo tick; sleep 8; done']", "tick\ntick\ntick\n", "Running"),
    ("[echo, one, two]", "one two\n", "Completed"),
    ("['false']", "", "Error"),
    ("[sleep, '3600']", "", "Running"),
    ("[sh, -c, 'echo $(GREETING) $GREETING']", "hello hello\n", "Completed"),
    ("[sh, -c, '[ \"$GREETING\" = hello ] && exit 7']", "", "Error"),
    ("[tail, -f, /dev/null]", "", "Running"),
    ("[sh]", "", "Completed"),
    ("[]", "", "Completed"),
    ("[frobnicate]", "", "StartError"),
    ("[sh, -c, 'sleep 2 & sleep 4 & wait; echo all']", "all\n", "Completed"),
];

#[test]
fn containers_run_what_their_manifest_says() {
    for (command, log, shown) in PROGRAMS {
        let mut world = World::new();
        let env = "env: [{name: GREETING, value: hello}]";
        world.pod(&format!(
            "restartPolicy: Never\ncontainers: [{{name: c, image: busybox, command: {command}, {env}}}]"
        ));
        world.wait(20);
        let found = world.log(&LogOptions::default());
        let found = if *shown == "StartError" { Ok(String::new()) } else { found };
        assert_eq!((found.as_deref(), world.shown().as_str()), (Ok(*log), *shown), "{command}");
    }
}

#[test]
fn a_program_that_is_not_there_cannot_start() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: busybox, command: [frobnicate]}]");
    world.until("it waits", |world| world.shown() == "CrashLoopBackOff");
    let why = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
               failed: unable to start container process: error during container init: exec: \"frobnicate\": executable \
               file not found in $PATH";
    let ended = world.container("c")["lastState"]["terminated"].clone();
    assert_eq!((ended["exitCode"].as_i64(), ended["reason"].as_str()), (Some(128), Some("StartError")));
    assert_eq!(ended["message"].as_str(), Some(why));
    assert!(
        world.events().iter().any(|event| event.starts_with(&format!("Failed: Error: {why}"))),
        "{}",
        world.story()
    );
}

#[test]
fn files_of_one_container_are_there_for_the_next() {
    let mut world = World::new();
    world.pod(
        "volumes: [{name: html, emptyDir: {}}]\n\
         initContainers: [{name: write, image: busybox, command: [sh, -c, 'echo hello > /pages/index.html'], volumeMounts: [{name: html, mountPath: /pages}]}]\n\
         containers:\n\
         - {name: web, image: nginx, volumeMounts: [{name: html, mountPath: /usr/share/nginx/html, readOnly: true}]}",
    );
    world.until("it runs", |world| world.shown() == "Running");
    let exec = |world: &mut World, script: &str| world.exec(&["sh", "-c", script]).unwrap();
    assert_eq!(exec(&mut world, "curl -s localhost").stdout.as_str(), "hello\n");
    assert_eq!(
        exec(&mut world, "curl -s -o /dev/null -w '%{http_code}' localhost/nope").stdout.as_str(),
        "404"
    );
    let refused = exec(&mut world, "echo x > /usr/share/nginx/html/y");
    assert_eq!(refused.stderr.as_str(), "sh: can't create /usr/share/nginx/html/y: Read-only file system\n");
}

#[test]
fn a_host_knows_its_whole_name() {
    for (spec, names) in [
        ("", "p\np\n\np\n"),
        (
            "hostname: one\nsubdomain: peers\n",
            "one\none.peers.default.svc.cluster.local\npeers.default.svc.cluster.local\none\n",
        ),
    ] {
        let mut world = World::new();
        world.pod(&format!("{spec}containers: [{{name: c, image: busybox, command: [sleep, infinity]}}]"));
        world.until("it runs", |world| world.shown() == "Running");
        let script = "hostname; hostname -f; hostname -d; hostname -s";
        assert_eq!(world.exec(&["sh", "-c", script]).unwrap().stdout.as_str(), names, "{spec}");
    }
}

/// As `kubectl debug node/…` looks at a node: its disk at /host, and then as its root.
const ON_A_NODE: &[(&str, &str)] = &[
    ("ls /host/var/lib/kubelet; cat /host/etc/hostname", "config.yaml\npods\nnode-0\n"),
    (
        "ls -d /host/etc/kubernetes >/dev/null && echo there; ls /host/nope 2>&1",
        "there\nls: /host/nope: No such file or directory\n",
    ),
    ("chroot /host cat /etc/hostname", "node-0\n"),
    (
        "chroot /host sh -c 'pwd; cd /etc; pwd; ls kubernetes; cd ../..; pwd; cat etc/hostname'; pwd",
        "/\n/etc\nkubelet.conf\nmanifests\npki\n/\nnode-0\n/\n",
    ),
    (
        "cd /tmp; chroot /host sh -c 'echo kept > /tmp/note; cat /host/etc/hostname 2>&1'; pwd; cat /host/tmp/note",
        "cat: can't open '/host/etc/hostname': No such file or directory\n/tmp\nkept\n",
    ),
    (
        "chroot /host/var sh -c 'ls; chroot /lib/kubelet ls /'",
        "cache\nlib\nlog\nrun\ntmp\nconfig.yaml\npods\n",
    ),
    (
        "chroot /nope 2>&1; echo $?",
        "chroot: can't change root directory to '/nope': No such file or directory\n1\n",
    ),
    // What another mount leads to is the same disk.
    ("echo more > /logs/x; cat /host/var/log/x; cat /name", "more\nnode-0\n"),
];

#[test]
fn a_node_can_be_looked_at_from_a_pod() {
    for (script, printed) in ON_A_NODE {
        let mut world = World::new();
        world.pod(
            "volumes: [{name: root, hostPath: {path: /}}, {name: logs, hostPath: {path: /var/log}}, {name: file, hostPath: {path: /etc/hostname}}]\n\
             containers:\n- name: c\n  image: busybox\n  command: [sleep, infinity]\n  volumeMounts: [{name: root, mountPath: /host}, \
             {name: logs, mountPath: /logs}, {name: file, mountPath: /name}]",
        );
        world.until("it runs", |world| world.shown() == "Running");
        let result = world.exec(&["sh", "-c", script]).unwrap();
        assert_eq!(result.stdout.as_str(), *printed, "{script}: {}", result.stderr);
    }
}
