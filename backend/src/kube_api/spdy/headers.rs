//! Headers of SPDY's streams: names and values, compressed with a dictionary over the whole life of a connection.

use std::{io, sync::LazyLock};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::wrong;

/// How large a block of headers may become, in bytes.
const LARGEST: usize = 64 << 10;

/// What every header block is compressed with: words with their lengths, then text (SPDY/3, section 2.6.10.1).
const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language \
                     accept-ranges age allow authorization cache-control connection content-base content-encoding \
                     content-language content-length content-location content-md5 content-range content-type date \
                     etag expect expires from host if-match if-modified-since if-none-match if-range \
                     if-unmodified-since last-modified location max-forwards pragma proxy-authenticate \
                     proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade \
                     user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url \
                     public set-cookie keep-alive origin";
const TEXT: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 \
                    Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 \
                    Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service \
                    UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, \
                    Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/\
                    xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=\
                    iso-8859-1,utf-,*,enq=0.";

static DICTIONARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = Vec::new();
    for word in WORDS.split(' ') {
        let word = word.replace('_', " ");
        bytes.extend_from_slice(&u32::try_from(word.len()).unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(word.as_bytes());
    }
    bytes.extend_from_slice(TEXT.as_bytes());
    bytes
});

/// Reads header blocks, one after the other.
pub struct Inflate(Decompress);

impl Inflate {
    pub fn new() -> Self {
        Self(Decompress::new(true))
    }

    /// The headers of the next block, names in small letters.
    pub fn read(&mut self, block: &[u8]) -> io::Result<Vec<(String, String)>> {
        let plain = self.inflate(block)?;
        let mut rest = plain.as_slice();
        let mut headers = Vec::new();
        for _ in 0..number(&mut rest)? {
            let (name, value) = (text(&mut rest)?, text(&mut rest)?);
            headers.push((name.to_ascii_lowercase(), value));
        }
        Ok(headers)
    }

    fn inflate(&mut self, block: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::with_capacity(4 << 10);
        let begun = self.0.total_in();
        loop {
            let used = usize::try_from(self.0.total_in() - begun).unwrap_or(usize::MAX);
            let rest = block.get(used..).unwrap_or(&[]);
            let before = plain.len();
            match self.0.decompress_vec(rest, &mut plain, FlushDecompress::Sync) {
                Ok(Status::StreamEnd) => return Ok(plain),
                Ok(Status::Ok | Status::BufError) => {
                    if plain.len() < plain.capacity() || plain.len() == before {
                        return Ok(plain);
                    }
                    if plain.len() > LARGEST {
                        return Err(wrong("headers are too large"));
                    }
                    plain.reserve(4 << 10);
                }
                Err(error) if error.needs_dictionary().is_some() => {
                    self.0
                        .set_dictionary(&DICTIONARY)
                        .map_err(|_| wrong("headers have another dictionary"))?;
                }
                Err(_) => return Err(wrong("headers cannot be read")),
            }
        }
    }
}

fn number(rest: &mut &[u8]) -> io::Result<usize> {
    let (first, more) = rest.split_first_chunk::<4>().ok_or_else(|| wrong("headers are cut off"))?;
    *rest = more;
    Ok(u32::from_be_bytes(*first) as usize)
}

fn text(rest: &mut &[u8]) -> io::Result<String> {
    let length = number(rest)?;
    let (text, more) = rest.split_at_checked(length).ok_or_else(|| wrong("headers are cut off"))?;
    *rest = more;
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// Writes header blocks, one after the other.
pub struct Deflate(Compress);

impl Deflate {
    pub fn new() -> Self {
        let mut compress = Compress::new(Compression::fast(), true);
        compress.set_dictionary(&DICTIONARY).expect("nothing is compressed yet");
        Self(compress)
    }

    /// A block without headers.
    pub fn nothing(&mut self) -> Vec<u8> {
        let mut block = Vec::with_capacity(64);
        self.0.compress_vec(&[0; 4], &mut block, FlushCompress::Sync).expect("memory can be written to");
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deflated(compress: &mut Compress, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut plain = u32::try_from(headers.len()).expect("few").to_be_bytes().to_vec();
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            plain.extend_from_slice(&u32::try_from(text.len()).expect("short").to_be_bytes());
            plain.extend_from_slice(text.as_bytes());
        }
        let mut block = Vec::with_capacity(plain.len() + 64);
        compress.compress_vec(&plain, &mut block, FlushCompress::Sync).expect("there is room");
        block
    }

    #[test]
    fn blocks_build_on_each_other_and_are_bounded() {
        assert_eq!(DICTIONARY.len(), 1423);
        let mut compress = Compress::new(Compression::best(), true);
        assert_eq!(compress.set_dictionary(&DICTIONARY).expect("nothing is compressed yet"), 0xe3c6_a7c2);
        let mut inflate = Inflate::new();
        for kind in ["error", "data"] {
            let block = deflated(&mut compress, &[("streamType", kind), ("port", "8080")]);
            let read = inflate.read(&block).expect("it is whole");
            assert_eq!(read, [("streamtype".into(), kind.into()), ("port".into(), "8080".into())]);
        }
        let bomb = deflated(&mut compress, &[("a", &"x".repeat(1 << 20))]);
        assert!(inflate.read(&bomb).is_err());
        assert!(Inflate::new().read(b"no zlib at all").is_err());
    }
}
