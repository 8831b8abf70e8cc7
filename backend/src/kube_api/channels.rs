//! Channels of a WebSocket: each message begins with the number of one. The protocols that kubelets speak differ in whether
//! that is a byte or a digit with base64 after it, and in how they tell the end.

use axum::{
    body::Bytes,
    extract::ws::Message,
    http::{HeaderMap, header},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::text;

/// Closing a single channel: the API server itself speaks this one, whatever else a client offers.
const CLOSING: &str = "v5.channel.k8s.io";

/// How channels are spoken over.
#[derive(Clone, Copy)]
pub struct Channels {
    base64: bool,
    /// Whether a client can say that there is no more input.
    pub ends: bool,
    /// Whether the end is told as a Status; before there were versions only failures were, as a text.
    pub has_status: bool,
}

impl Channels {
    /// How a protocol has it; none, `""`, is the first that there was.
    pub fn of(protocol: &str) -> Self {
        Self {
            base64: protocol.contains("base64."),
            ends: protocol == CLOSING,
            has_status: protocol.starts_with('v'),
        }
    }

    /// The protocol to speak, of those that a client offers; `""` where it offers none.
    pub fn choose(headers: &HeaderMap, ours: &[&'static str]) -> Option<&'static str> {
        let offered = text(headers, header::SEC_WEBSOCKET_PROTOCOL.as_str());
        let theirs: Vec<&str> = offered.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if theirs.is_empty() {
            return Some("");
        }
        let spoken = |name: &&str| ours.iter().find(|ours| *ours == name).copied();
        let closing = theirs.iter().filter(|name| **name == CLOSING).find_map(spoken);
        closing.or_else(|| theirs.iter().find_map(spoken))
    }

    /// A message on a channel.
    pub fn message(self, channel: u8, bytes: &[u8]) -> Message {
        if self.base64 {
            let digit = char::from(b'0' + channel % 10);
            return Message::Text(format!("{digit}{}", BASE64_STANDARD.encode(bytes)).into());
        }
        Message::Binary([&[channel][..], bytes].concat().into())
    }

    /// Channel and bytes of a message, if it is one.
    pub fn read(self, message: Message) -> Option<(u8, Bytes)> {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => Bytes::from(text),
            _ => return None,
        };
        let (&channel, rest) = bytes.split_first()?;
        if self.base64 {
            return Some((channel.checked_sub(b'0')?, BASE64_STANDARD.decode(rest).ok()?.into()));
        }
        Some((channel, bytes.slice(1..)))
    }
}
