//! `/agnhost`, the one program of Kubernetes' own tests: its parts that print something and end, and those that serve.

use crate::doc::{Doc, Str};

use super::super::super::server::{flag, of_agnhost};
use super::super::files::absolute;
use super::super::step::Surroundings;
use super::super::{Task, Wait};
use super::modes::{mode_of_go, permissions};
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
        "stress" => stress(task, rest, world),
        "test-service-account-issuer-discovery" => issuer_discovery(task, rest, world),
        _ => fail(task, &format!("Error: unknown command {part:?} for \"app\""), world),
    }
}

/// What `mounttest` writes to a file.
const TESTED: &str = "mount-tester new file\n";

/// What `mounttest` is asked about files, in the order in which it answers.
const QUESTIONS: [&str; 9] = [
    "fs_type",
    "new_file_0644",
    "new_file_0666",
    "new_file_0660",
    "new_file_0777",
    "file_mode",
    "file_perm",
    "file_owner",
    "file_content",
];

/// `--file_content=PATH`, `--new_file_0644=PATH`, `--file_perm=PATH` …: what is said of files.
fn mounttest(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let mut failed = false;
    for question in QUESTIONS {
        let Some(path) = flag(args, question).filter(|path| !path.is_empty()) else { continue };
        let said = asked_of_file(task, question, path, world);
        failed |= said.is_err();
        let (Ok(text) | Err(text)) = said;
        task.write(false, &text, world);
    }
    let Some(path) = flag(args, "file_content_in_loop") else { return Done::Status(i32::from(failed)) };
    let breaks = flag(args, "break_on_expected_content") != Some("false");
    // The path is handed over, not written into the script: whatever is in it is its name.
    let script = r#"t=0
s=0
while [ $t -lt $2 ]; do
    s=1
    if c=$(cat "$1" 2>/dev/null); then
        s=0
        echo "content of file \"$1\": $c"
        if [ $3 = true ]; then
            [ "$c" = "mount-tester new file" ] && exit $4
            echo -n "Unexpected content. Expected: mount-tester new file
. Retrying"
        fi
    else
        echo "Error reading file $1: open $1: no such file or directory, retrying"
    fi
    sleep 2
    t=$((t+2))
done
[ $s = 0 ] && exit $4
exit 1"#;
    let time = flag(args, "retry_time").filter(|text| text.parse::<u32>().is_ok()).unwrap_or("180");
    let (breaks, failed) = (breaks.to_string(), i32::from(failed).to_string());
    task.another(script, vec![path.into(), time.into(), breaks.into(), failed.into()], world)
}

/// The answer to one of the questions, or the complaint.
fn asked_of_file(
    task: &Task,
    question: &str,
    path: &str,
    world: &mut Surroundings<'_>,
) -> Result<String, String> {
    let place = absolute(&task.directory, path);
    let content = |world: &Surroundings<'_>| match world.place.read(&place) {
        Ok(content) => Ok(format!("content of file {path:?}: {content}\n")),
        Err(why) => {
            let why = why.to_ascii_lowercase();
            Err(format!("error reading file content for {path:?}: open {path}: {why}\n"))
        }
    };
    let missing =
        |call: &str, of: &str| Err(format!("error from {call}({path:?}): {of}no such file or directory\n"));
    let there = world.place.exists(&place);
    let look = world.place.look(&place, true);
    Ok(match question {
        "file_content" => return content(world),
        "fs_type" if !there => return missing("statfs", ""),
        "fs_type" => {
            let kind = match world.place.file_system(&place) {
                "ext4" => "61267",
                "overlay" => "2035054128",
                named => named,
            };
            format!("mount type of {path:?}: {kind}\n")
        }
        "file_owner" if !there => return missing("stat", ""),
        "file_owner" => {
            format!("owner UID of {path:?}: {}\nowner GID of {path:?}: {}\n", look.user, look.group)
        }
        "file_mode" | "file_perm" if !there => return missing("Stat", &format!("stat {path}: ")),
        "file_mode" => format!("mode of file {path:?}: {}\n", mode_of_go(&look)),
        "file_perm" => format!("perms of file {path:?}: -{}\n", permissions(look.mode)),
        new => {
            let mode = new.strip_prefix("new_file_").and_then(|mode| u32::from_str_radix(mode, 8).ok());
            let made = world.place.write(&place, TESTED, false);
            if let Err(why) = made.and_then(|()| world.place.set_mode(&place, mode.unwrap_or(0o644))) {
                return Err(format!(
                    "error writing new file {path:?}: open {path}: {}\n",
                    why.to_ascii_lowercase()
                ));
            }
            return content(world);
        }
    })
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

/// `--cpus=N --mem-total=12Mi`: uses so much, and never ends.
fn stress(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let cores = flag(args, "cpus").and_then(|text| text.parse().ok()).unwrap_or(0);
    let memory = flag(args, "mem-total").map_or(0, |text| crate::api::bytes(&Doc::from(text)));
    task.memory = task.memory.saturating_add(u64::try_from(memory).unwrap_or(0));
    task.cores = cores;
    task.write(
        true,
        &format!("Allocating \"{memory}\" memory, in \"4Ki\" chunks, with a 1ms sleep between allocations\n"),
        world,
    );
    Done::Waits(Wait::Forever, None)
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
