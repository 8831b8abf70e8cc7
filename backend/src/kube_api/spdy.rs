//! SPDY/3.1, as far as Kubernetes' clients speak it: streams of bytes over one connection, each opened by the client with
//! a few headers. kubectl sends it over an upgraded connection (until 1.30), or inside of a WebSocket (port-forward from
//! 1.31 on).
//!
//! There are no windows: those clients send without them, and what is not read here holds back their connection.

mod headers;

use std::io;

use axum::body::Bytes;
use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use self::headers::{Deflate, Inflate};

/// How long frames may be: those that carry data, and the others.
const LONGEST_DATA: usize = 1 << 20;
const LONGEST_CONTROL: usize = 64 << 10;
/// Frames that may wait to be written.
const FRAMES: usize = 32;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;
const FIN: u8 = 1;

/// Why a stream is not wanted.
pub const REFUSED_STREAM: u32 = 3;
const PROTOCOL_ERROR: u32 = 1;

/// Something that the client did.
pub enum Event {
    /// It opened a stream.
    Open { id: u32, headers: Vec<(String, String)> },
    /// It sent something over a stream; whether that was all.
    Data { id: u32, bytes: Bytes, fin: bool },
    /// It has no more use for a stream.
    Reset(u32),
    /// It wants to know whether somebody is there.
    Ping(u32),
    /// It opens no more streams.
    GoAway,
}

/// Something to be said to the client.
pub enum Frame {
    /// A stream that it opened is open.
    Accept(u32),
    /// Bytes over a stream, and whether they are the last.
    Data(u32, Bytes, bool),
    /// A stream is not wanted (any more).
    Reset(u32, u32),
    /// Somebody is there.
    Pong(u32),
    /// The connection ends: what it is about has come to its end, or makes no sense.
    GoAway(bool),
}

/// Where frames are put that the client is to have. The connection ends when nobody holds it any more.
pub type Outbox = mpsc::Sender<Frame>;

/// Reads what a client does.
pub struct Reader<R> {
    io: R,
    /// What was taken from its front costs nothing more: many small frames may come at once.
    buffer: BytesMut,
    inflate: Inflate,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Nothing has been read yet.
    pub fn new(io: R) -> Self {
        Self { io, buffer: BytesMut::new(), inflate: Inflate::new() }
    }

    /// What comes next; nothing at the end. May be dropped at any time: nothing is lost.
    ///
    /// # Errors
    /// When the connection breaks, and when what comes is no SPDY, or too much of it at once.
    pub async fn next(&mut self) -> io::Result<Option<Event>> {
        loop {
            while let Some(length) = self.whole()? {
                let frame = self.buffer.split_to(8 + length);
                if let Some(event) = self.event(&frame)? {
                    return Ok(Some(event));
                }
            }
            if self.io.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// The length of the frame in front, when it is here as a whole.
    fn whole(&self) -> io::Result<Option<usize>> {
        let Some(head) = self.buffer.first_chunk::<8>() else { return Ok(None) };
        let control = head[0] & 0x80 != 0;
        let length = u32::from_be_bytes([0, head[5], head[6], head[7]]) as usize;
        if control && head[..2] != [0x80, 3] {
            return Err(wrong("this is not SPDY/3"));
        }
        if length > if control { LONGEST_CONTROL } else { LONGEST_DATA } {
            return Err(wrong("a frame is too long"));
        }
        Ok((self.buffer.len() >= 8 + length).then_some(length))
    }

    fn event(&mut self, frame: &[u8]) -> io::Result<Option<Event>> {
        let (head, body) = frame.split_at(8);
        let fin = head[4] & FIN != 0;
        let number = |at: usize| -> io::Result<u32> {
            let bytes = body.get(at..at + 4).ok_or_else(|| wrong("a frame is too short"))?;
            Ok(bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)) & 0x7fff_ffff)
        };
        if head[0] & 0x80 == 0 {
            let id = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
            // A copy: what waits for its reader must not hold what came beside it.
            return Ok(Some(Event::Data { id, bytes: Bytes::copy_from_slice(body), fin }));
        }
        Ok(Some(match u16::from_be_bytes([head[2], head[3]]) {
            SYN_STREAM => {
                let block = body.get(10..).ok_or_else(|| wrong("a frame is too short"))?;
                Event::Open { id: number(0)?, headers: self.inflate.read(block)? }
            }
            // Headers that nobody waits for must be read all the same: those that follow build on them.
            SYN_REPLY | HEADERS => {
                self.inflate.read(body.get(4..).unwrap_or(&[]))?;
                return Ok(None);
            }
            RST_STREAM => Event::Reset(number(0)?),
            PING => Event::Ping(number(0)?),
            GOAWAY => Event::GoAway,
            _ => return Ok(None),
        }))
    }
}

/// Writes frames as they are put into the outbox, until nobody has one any more or the client has gone.
pub fn writer<W: AsyncWrite + Unpin + Send + 'static>(mut io: W) -> Outbox {
    let (outbox, mut frames) = mpsc::channel(FRAMES);
    tokio::spawn(async move {
        let mut deflate = Deflate::new();
        let mut last = 0;
        while let Some(frame) = frames.recv().await {
            let bytes = encode(&frame, &mut last, &mut deflate);
            if io.write_all(&bytes).await.is_err() || io.flush().await.is_err() {
                return;
            }
        }
        // Whoever does not listen by now will not.
        let _ = io.shutdown().await;
    });
    outbox
}

fn encode(frame: &Frame, last: &mut u32, deflate: &mut Deflate) -> Vec<u8> {
    let control = |kind: u16, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
        [&[0x80, 3][..], &kind.to_be_bytes(), &[0], &length[1..], body].concat()
    };
    match frame {
        Frame::Accept(id) => {
            *last = *id;
            control(SYN_REPLY, &[&id.to_be_bytes()[..], &deflate.nothing()].concat())
        }
        Frame::Data(id, bytes, fin) => {
            let length = u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes();
            [&id.to_be_bytes()[..], &[u8::from(*fin)], &length[1..], bytes].concat()
        }
        Frame::Reset(id, why) => control(RST_STREAM, &[id.to_be_bytes(), why.to_be_bytes()].concat()),
        Frame::Pong(id) => control(PING, &id.to_be_bytes()),
        Frame::GoAway(well) => {
            let why = if *well { 0 } else { PROTOCOL_ERROR };
            control(GOAWAY, &[last.to_be_bytes(), why.to_be_bytes()].concat())
        }
    }
}

/// Puts bytes into frames of a moderate size.
///
/// # Errors
/// When the client has gone.
pub async fn send(outbox: &Outbox, id: u32, bytes: &[u8]) -> Result<(), ()> {
    for piece in bytes.chunks(32 << 10) {
        let frame = Frame::Data(id, Bytes::copy_from_slice(piece), false);
        outbox.send(frame).await.map_err(|_| ())?;
    }
    Ok(())
}

fn wrong(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
