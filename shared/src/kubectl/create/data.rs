//! ConfigMaps and Secrets.

use crate::api::core::secret::base64_encode;
use crate::api::validation::names::config_key;
use crate::doc;
use crate::doc::Doc;

use super::super::Ask;
use super::super::io::{Io, Stop};
use super::Wish;

type Made = Result<Result<Doc, String>, Stop>;

/// Keys and values from literals and files, as text.
fn entries(wish: &Wish<'_>, io: &mut Io<'_>) -> Made {
    let args = wish.args;
    let mut data = Doc::map();
    let (literals, files) = (args.all("from-literal"), args.all("from-file"));
    if args.get("from-env-file").is_some() && !(literals.is_empty() && files.is_empty()) {
        return Ok(Err("from-env-file cannot be combined with from-file or from-literal".into()));
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    for source in args.each("from-file") {
        let (key, path) =
            source.split_once('=').unwrap_or((source.rsplit('/').next().unwrap_or(source), source));
        if key.is_empty() || path.is_empty() {
            return Ok(Err(format!("key name for file path {path} missing")));
        }
        pairs.push((key.to_owned(), file(path, io)?));
    }
    for literal in literals {
        let Some((key, value)) = literal.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Ok(Err(format!("invalid literal source {literal}, expected key=value")));
        };
        pairs.push((key.to_owned(), value.to_owned()));
    }
    for path in args.each("from-env-file") {
        let text = file(path, io)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        pairs.extend(
            lines.filter_map(|line| line.split_once('=')).map(|(key, value)| (key.into(), value.into())),
        );
    }
    for (key, value) in pairs {
        if let Some(why) = Some(config_key(&key)).filter(|faults| !faults.is_empty()) {
            let why = why.join(";");
            return Ok(Err(match wish.variant {
                "" => format!("{key:?} is not a valid key name for a ConfigMap: {why}"),
                _ => format!("{key:?} is not valid key name for a Secret {why}"),
            }));
        }
        if !data[key.as_str()].is_null() {
            return Ok(Err(if wish.variant.is_empty() {
                format!(
                    "cannot add key {key:?}, another key by that name already exists in Data for ConfigMap {:?}",
                    wish.name
                )
            } else {
                format!("cannot add key {key}, another key by that name already exists")
            }));
        }
        data.set(key, value);
    }
    Ok(Ok(data))
}

/// The text of a file that lies with the person; an empty one counts as none.
fn file(path: &str, io: &mut Io<'_>) -> Result<String, Stop> {
    let text = io.ask(Ask::Load(path.into()))?;
    if text.is_empty() {
        return Err(io.fail(format!("error reading {path}: no such file or directory")));
    }
    Ok(text.to_string())
}

pub(super) fn config_map(wish: &Wish<'_>, io: &mut Io<'_>) -> Made {
    Ok(entries(wish, io)?.map(|data| doc!({ "data": data })))
}

fn encoded(data: &Doc) -> Doc {
    let mut made = Doc::map();
    for (key, value) in data.entries() {
        made.set(key.clone(), base64_encode(value.str().as_bytes()));
    }
    made
}

pub(super) fn secret(wish: &Wish<'_>, io: &mut Io<'_>) -> Made {
    match wish.variant {
        "generic" => {
            let data = match entries(wish, io)? {
                Ok(data) => data,
                Err(why) => return Ok(Err(why)),
            };
            let mut made = doc!({ "data": encoded(&data) });
            if let Some(kind) = wish.args.get("type") {
                made.set("type", kind);
            }
            Ok(Ok(made))
        }
        "tls" => tls(wish, io),
        "docker-registry" => match wish.args.each("from-file").next() {
            Some(path) => {
                let path = path.split_once('=').map_or(path, |(_, path)| path);
                Ok(Err(format!("error reading {path}: no such file or directory")))
            }
            None => Ok(registry(wish)),
        },
        other => Ok(Err(format!(
            "unknown command {:?}\nSee 'kubectl create secret -h' for help and examples",
            format!("{other} {}", wish.name)
        ))),
    }
}

fn tls(wish: &Wish<'_>, io: &mut Io<'_>) -> Made {
    let (cert, key) = (wish.get("cert"), wish.get("key"));
    if cert.is_empty() || key.is_empty() {
        return Ok(Err("key and cert must be specified".into()));
    }
    let mut texts = Vec::new();
    for path in [cert, key] {
        let text = io.ask(Ask::Load(path.into()))?;
        if text.is_empty() {
            return Ok(Err(format!("Cannot read file {path}, open {path}: no such file or directory")));
        }
        texts.push(text);
    }
    let (cert, key) = (texts[0].clone(), texts[1].clone());
    let data = doc!({ "tls.crt": cert, "tls.key": key });
    Ok(Ok(doc!({ "data": encoded(&data), "type": "kubernetes.io/tls" })))
}

fn registry(wish: &Wish<'_>) -> Result<Doc, String> {
    let (user, password) = (wish.get("docker-username"), wish.get("docker-password"));
    let server = wish.args.get("docker-server").unwrap_or("https://index.docker.io/v1/");
    if user.is_empty() || password.is_empty() || server.is_empty() {
        return Err(
            "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required"
                .into(),
        );
    }
    let auth = base64_encode(format!("{user}:{password}").as_bytes());
    let text = |text: &str| Doc::from(text).to_json();
    let email = match wish.get("docker-email") {
        "" => String::new(),
        email => format!(",\"email\":{}", text(email)),
    };
    // Go writes the fields in the order of its struct.
    let config = format!(
        "{{\"auths\":{{{}:{{\"username\":{},\"password\":{}{email},\"auth\":\"{auth}\"}}}}}}",
        text(server),
        text(user),
        text(password)
    );
    let data = doc!({ ".dockerconfigjson": config });
    Ok(doc!({ "data": encoded(&data), "type": "kubernetes.io/dockerconfigjson" }))
}
