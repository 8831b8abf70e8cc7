//! The page: the files of `dist/` that the program brings along, or those of a directory.
//!
//! `scripts/page.mjs` has named them by their content and compressed them; here they are only handed out.

use std::{borrow::Cow, collections::BTreeMap, fs, io, path::Path, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

/// The files of the page. Cheap to clone.
#[derive(Clone)]
pub struct Page {
    files: Arc<BTreeMap<String, File>>,
}

struct File {
    /// By preference: brotli, gzip, as it is.
    variants: Vec<Variant>,
    content_type: HeaderValue,
    cache_control: HeaderValue,
}

struct Variant {
    /// `None`: not compressed.
    encoding: Option<&'static str>,
    content: Bytes,
    etag: HeaderValue,
}

const ENCODINGS: [(&str, Option<&str>); 3] = [(".br", Some("br")), (".gz", Some("gzip")), ("", None)];

impl Page {
    /// The page of these files, by their names.
    pub fn new(files: impl IntoIterator<Item = (String, Cow<'static, [u8]>)>) -> Self {
        let content = files.into_iter().map(|(name, content)| {
            let content = match content {
                Cow::Borrowed(data) => Bytes::from_static(data),
                Cow::Owned(data) => Bytes::from(data),
            };
            (name, content)
        });
        Self::of(&content.collect())
    }

    /// The page as it lies in `directory` now, for those who are working on it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(directory: &Path) -> io::Result<Self> {
        let mut content = BTreeMap::new();
        let mut directories = vec![directory.to_owned()];
        while let Some(next) = directories.pop() {
            for entry in fs::read_dir(next)? {
                let path = entry?.path();
                if path.is_dir() {
                    directories.push(path);
                } else if let Ok(name) = path.strip_prefix(directory) {
                    content.insert(name.to_string_lossy().replace('\\', "/"), Bytes::from(fs::read(&path)?));
                }
            }
        }
        Ok(Self::of(&content))
    }

    fn of(content: &BTreeMap<String, Bytes>) -> Self {
        let plain = content.keys().filter(|name| !name.ends_with(".br") && !name.ends_with(".gz"));
        let files = plain.map(|name| (format!("/{name}"), File::new(name, content)));
        Self { files: Arc::new(files.collect()) }
    }

    /// Answers a request for one of the files, `/` being `index.html`.
    pub fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
        if method != Method::GET && method != Method::HEAD {
            return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
        }
        let path = if uri.path() == "/" { "/index.html" } else { uri.path() };
        if path == "/index.html" && is_embedded(uri) && !starts(uri) {
            let query = uri.query().unwrap_or_default();
            return Redirect::temporary(&format!("embed/frame.html?{query}")).into_response();
        }
        match self.files.get(path) {
            Some(file) if path == "/index.html" && is_embedded(uri) => {
                let policy =
                    self.content_security_policy().replace("frame-ancestors 'none'", "frame-ancestors *");
                // In a frame without an origin of its own the page makes its worker itself.
                let policy = policy.replace("worker-src 'self'", "worker-src 'self' blob:");
                with_policy(file.answer(headers), &policy)
            }
            Some(file) if path == "/index.html" => file.answer(headers),
            Some(file) => {
                let mut response = file.answer(headers);
                // What other sites load of ours, and frames that have no origin: files that everybody may read.
                let all =
                    [("cross-origin-resource-policy", "cross-origin"), ("access-control-allow-origin", "*")];
                for (name, value) in all {
                    let name = HeaderName::from_static(name);
                    response.headers_mut().insert(name, HeaderValue::from_static(value));
                }
                match path {
                    "/embed/frame.html" => with_policy(response, FRAME_POLICY),
                    _ => response,
                }
            }
            None if path == "/index.html" => {
                (StatusCode::SERVICE_UNAVAILABLE, "The page is not built: run `make build`.\n")
                    .into_response()
            }
            None => (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response(),
        }
    }

    /// The page may load and run its own files, nothing else; of inline scripts only those in `index.html`.
    pub fn content_security_policy(&self) -> String {
        let html = self.files.get("/index.html").map(|file| String::from_utf8_lossy(file.plain()));
        let hashes: String = html.iter().flat_map(|html| inline_scripts(html)).map(source_hash).collect();
        format!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; worker-src 'self'; \
             style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; \
             manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    }
}

/// The still picture in a frame: its own scripts, and the pictures that they draw.
const FRAME_POLICY: &str = "default-src 'none'; script-src 'self'; img-src 'self' data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors *";

fn with_policy(mut response: Response, policy: &str) -> Response {
    let policy = HeaderValue::from_str(policy).expect("the policy is ASCII");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Whether somebody asked for the cluster in a frame.
fn starts(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|option| option == "start" || option == "start="))
}

/// Whether the page is asked for as a part of another: only so it may be framed.
fn is_embedded(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|option| option == "embed=1"))
}

impl File {
    fn new(name: &str, content: &BTreeMap<String, Bytes>) -> Self {
        let mime = mime_guess::from_path(name).first_or_octet_stream();
        let content_type = match mime.type_() {
            mime_guess::mime::TEXT => format!("{mime}; charset=utf-8"),
            _ => mime.to_string(),
        };
        let variants = ENCODINGS.into_iter().filter_map(|(suffix, encoding)| {
            let content = content.get(&format!("{name}{suffix}"))?.clone();
            let hash = BASE64_STANDARD.encode(&Sha256::digest(&content)[..15]);
            let etag = HeaderValue::from_str(&format!("\"{hash}\"")).expect("base64 is ASCII");
            Some(Variant { encoding, content, etag })
        });
        Self {
            variants: variants.collect(),
            content_type: HeaderValue::from_str(&content_type).expect("MIME types are ASCII"),
            cache_control: HeaderValue::from_static(if is_named_by_content(name) {
                "public, max-age=31536000, immutable"
            } else {
                "no-cache"
            }),
        }
    }

    fn plain(&self) -> &[u8] {
        self.variants.last().map_or(&[], |variant| &variant.content)
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let variant = self
            .variants
            .iter()
            .find(|variant| variant.encoding.is_none_or(|encoding| accepts(headers, encoding)))
            .expect("the plain variant is always there");
        let known = headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| tag.trim().trim_start_matches("W/") == variant.etag);
        let (status, body) = match known {
            true => (StatusCode::NOT_MODIFIED, Body::empty()),
            false => (StatusCode::OK, Body::from(variant.content.clone())),
        };
        let mut response = (status, body).into_response();
        let out = response.headers_mut();
        out.insert(header::ETAG, variant.etag.clone());
        out.insert(header::CACHE_CONTROL, self.cache_control.clone());
        out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        out.insert(header::CONTENT_TYPE, self.content_type.clone());
        if let Some(encoding) = variant.encoding {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }
}

/// Whether the client takes this encoding: it is listed by name, and not with the weight 0.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case(encoding) && !refused
    })
}

/// `app-0123456789abcdef.js`: such a name never gets another content.
fn is_named_by_content(name: &str) -> bool {
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit_once('-').is_some_and(|(_, hash)| {
        hash.len() == 16 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The texts of the scripts that stand in the page itself.
fn inline_scripts(html: &str) -> Vec<&str> {
    html.split("<script")
        .skip(1)
        .filter_map(|rest| {
            let (attributes, rest) = rest.split_once('>')?;
            let (text, _) = rest.split_once("</script")?;
            (!attributes.contains("src=")).then_some(text)
        })
        .collect()
}

fn source_hash(script: &str) -> String {
    format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(encodings: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings))])
    }

    #[test]
    fn encodings_are_taken_by_name_and_weight() {
        assert!(accepts(&asking("gzip, br;q=0.9"), "br"));
        assert!(accepts(&asking("GZIP"), "gzip"));
        assert!(!accepts(&asking("gzip, br;q=0"), "br"));
        assert!(!accepts(&asking("gzip"), "br"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        assert!(is_named_by_content("app-0123456789abcdef.js"));
        assert!(is_named_by_content("app_bg-0123456789abcdef.wasm"));
        assert!(!is_named_by_content("index.html"));
        assert!(!is_named_by_content("examples/todo-api.yaml"));
        assert!(!is_named_by_content("some-0123456789abcdeX.js"));
    }

    #[test]
    fn scripts_in_the_page_are_found_but_not_linked_ones() {
        let html =
            r#"<script>one</script><p></p><script src="/a.js"></script><script type=module>two</script>"#;
        assert_eq!(inline_scripts(html), ["one", "two"]);
    }

    #[test]
    fn a_hash_is_written_as_browsers_compute_it() {
        // The example of the Content Security Policy specification.
        assert_eq!(
            source_hash("alert('Hello, world.');"),
            " 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
        );
    }
}
