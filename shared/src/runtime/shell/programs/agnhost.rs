//! `/agnhost`, the one program of Kubernetes' own tests: its parts that print something and end, and those that serve.

use crate::doc::Str;

use super::super::super::server::of_agnhost;
use super::super::files::absolute;
use super::super::step::Surroundings;
use super::super::{Task, Wait};
use super::{Done, fail, say};

pub(super) fn agnhost(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (part, rest) = args.split_first().map_or(("pause", args), |(part, rest)| (part.as_str(), rest));
    let variables = task.variables.iter().map(|(name, value)| (name.clone(), value.clone()));
    if let Some(server) = of_agnhost(args, variables) {
        task.serves = Some(server);
        return Done::Waits(Wait::Own, None);
    }
    match part {
        "pause" => {
            task.write(false, "Paused\n", world);
            Done::Waits(Wait::Own, None)
        }
        "entrypoint-tester" => {
            let words = task.title();
            say(task, &format!("[{words}]\n"), world)
        }
        "etc-hosts" => {
            let text = world.place.read("etc/hosts").unwrap_or_default();
            say(task, &text, world)
        }
        "dns-suffix" | "dns-server-list" => {
            let text = world.place.read("etc/resolv.conf").unwrap_or_default();
            let word = if part == "dns-suffix" { "search" } else { "nameserver" };
            let lines = text.lines().filter_map(|line| line.strip_prefix(word));
            let found: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
            say(task, &format!("{}\n", found.join(",")), world)
        }
        "mounttest" => mounttest(task, rest, world),
        "logs-generator" => logs_generator(task, rest, world),
        "test-service-account-issuer-discovery" => issuer_discovery(task, rest, world),
        _ => fail(task, &format!("Error: unknown command {part:?} for \"app\""), world),
    }
}

/// `--file_content=PATH`, `--file_content_in_loop=PATH` and `--new_file_0644=PATH`: what is said of files.
fn mounttest(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let mut text = String::new();
    let mut looks_again = None;
    for (flag, path) in args.iter().filter_map(|arg| arg.trim_start_matches('-').split_once('=')) {
        let place = absolute(&task.directory, path);
        match flag {
            "file_content" | "file_content_in_loop" => {
                if flag.ends_with("loop") {
                    looks_again = Some(path);
                }
                text.push_str(&match world.place.read(&place) {
                    Ok(content) => format!("content of file {path:?}: {content}\n"),
                    Err(_) => format!(
                        "error reading file content for {path:?}: open {path}: no such file or directory\n"
                    ),
                });
            }
            "new_file_0644" | "new_file_0666" | "new_file_0777" => {
                if let Err(why) = world.place.write(&place, "mount-tester new file\n", false) {
                    return fail(task, &format!("error writing new file {path:?}: {why}"), world);
                }
            }
            _ => {}
        }
    }
    task.write(false, &text, world);
    match looks_again {
        Some(path) => {
            // The path is handed over, not written into the script: whatever is in it is its name.
            let script =
                r#"while true; do sleep 1; echo "content of file \"$1\": $(cat "$1" 2>/dev/null)"; done"#;
            task.another(script, vec![path.into()], world)
        }
        None => Done::Status(0),
    }
}

/// The value of a flag: `--name=value` or `--name value`.
fn flag<'a>(args: &'a [Str], name: &str) -> Option<&'a str> {
    let mut words = args.iter().map(|word| word.trim_start_matches('-'));
    let found = words.find_map(|word| match word.split_once('=') {
        Some((flag, value)) if flag == name => Some(Some(value)),
        _ => (word == name).then_some(None),
    })?;
    found.or_else(|| words.next())
}

/// `--token-path FILE`: asks the API server, as the pod's account, where the keys are that such a token is signed with.
fn issuer_discovery(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let script = r#"test -s "$1" || { echo "$1: no token" >&2; exit 1; }
echo "OK: Got token"
d=/var/run/secrets/kubernetes.io/serviceaccount
for p in .well-known/openid-configuration openid/v1/jwks; do
    curl -sf --cacert $d/ca.crt -H "Authorization: Bearer $(cat $d/token)" https://kubernetes.default.svc/$p || exit 1
    echo
done
echo "OK: Got valid claims from token!""#;
    let path = flag(args, "token-path").unwrap_or("");
    task.another(script, vec![path.into()], world)
}

/// `--log-lines-total=N --run-duration=20s`: that many lines in that time.
fn logs_generator(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let value = |name: &str| flag(args, name);
    let lines = value("log-lines-total").and_then(|text| text.parse().ok()).unwrap_or(1_u64).max(1);
    let duration = value("run-duration").and_then(super::length).flatten().map_or(0, |time| time.0);
    let pause = duration / lines;
    let script = format!(
        "i=0; while [ $i -lt {lines} ]; do \
         echo \"I$(date +%m%d) $(date +%T).000000       1 logs_generator.go:76] $i GET /api/v1/namespaces/default/pods/p$i 200\"; \
         i=$((i+1)); sleep {}.{:03}; done",
        pause / 1000,
        pause % 1000
    );
    task.another(&script, Vec::new(), world)
}
