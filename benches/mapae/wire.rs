//! The messages that a client sends to Postgres, as far as they carry statements.

use std::fmt::Write;

/// A value of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// The name of its type.
    pub(crate) kind: &'static str,
    /// As text; `None` is NULL.
    pub(crate) text: Option<String>,
}

/// A message.
pub(crate) enum Message {
    /// A statement without values, to be executed at once.
    Query { text: String },
    /// A statement to be prepared, and the types of its values.
    Parse { name: String, text: String, types: Vec<u32> },
    /// Values for a prepared statement, which is executed next.
    Bind { name: String, formats: Vec<i16>, values: Vec<Option<Vec<u8>>> },
    /// Anything else.
    Other,
}

impl Message {
    /// Reads a message: its first byte and what comes after its length.
    pub(crate) fn read(tag: u8, body: &[u8]) -> Self {
        let mut body = Reader(body);
        match tag {
            b'Q' => Self::Query { text: body.text() },
            b'P' => {
                let (name, text) = (body.text(), body.text());
                let count = body.short();
                let types = (0..count).map(|_| u32::from_be_bytes(body.bytes())).collect();
                Self::Parse { name, text, types }
            }
            b'B' => {
                let (_portal, name) = (body.text(), body.text());
                let count = body.short();
                let formats = (0..count).map(|_| body.short()).collect();
                let count = body.short();
                let values = (0..count).map(|_| body.value()).collect();
                Self::Bind { name, formats, values }
            }
            _ => Self::Other,
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, length: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap()
    }

    fn short(&mut self) -> i16 {
        i16::from_be_bytes(self.bytes())
    }

    fn text(&mut self) -> String {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap();
        let text = String::from_utf8_lossy(self.take(length)).into_owned();
        self.take(1);
        text
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        let length = i32::from_be_bytes(self.bytes());
        // NULL has the length -1.
        usize::try_from(length).ok().map(|length| self.take(length).to_vec())
    }
}

impl Value {
    /// Reads a value of this type, which is in text (0) or binary (1).
    pub(crate) fn read(kind: u32, format: i16, bytes: Option<&[u8]>) -> Self {
        let (kind, read): (_, fn(&[u8]) -> String) = match kind {
            16 => ("bool", |bytes| (bytes != [0]).to_string()),
            17 => ("bytea", |bytes| format!("\\x{}", hex(bytes))),
            20 => ("int8", |bytes| i64::from_be_bytes(bytes.try_into().unwrap()).to_string()),
            21 => ("int2", |bytes| i16::from_be_bytes(bytes.try_into().unwrap()).to_string()),
            23 => ("int4", |bytes| i32::from_be_bytes(bytes.try_into().unwrap()).to_string()),
            25 => ("text", plain),
            114 => ("json", plain),
            1043 => ("varchar", plain),
            2950 => ("uuid", hex),
            // The first byte is the version of the format.
            3802 => ("jsonb", |bytes| plain(&bytes[1..])),
            other => panic!("a value of the type with the number {other} is not known here"),
        };
        let text = bytes.map(|bytes| if format == 0 { plain(bytes) } else { read(bytes) });
        Self { kind, text }
    }
}

fn plain(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
