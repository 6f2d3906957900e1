//! A stream that several replicas write alike, and that each of them follows. Each entry has a place
//! that all replicas know, so that each is written once, by whoever is first.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{AsyncConnectionConfig, Value, cmd};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::connection::{ANSWER, CONNECT, IsDown, Redis, Script, in_time};

/// An entry of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its place. Entries are written in the order of their places.
    pub place: (i64, i64),
    /// Between this place and that of the entry there is nothing.
    pub after: String,
    /// What it says.
    pub event: String,
}

/// How long a stream is, and for how long it stays when nothing is written.
#[derive(Clone, Copy, Debug)]
pub struct StreamBounds {
    /// About so many entries are kept.
    pub entries: i64,
    /// After so long without an entry the stream is deleted.
    pub idle: Duration,
}

/// Writes the entries that are behind the last one. Numbers in Lua are exact up to 2^53.
static APPEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local place, part = 0, 0
if last[1] then
    local first, second = string.match(last[1][1], '^(%d+)-(%d+)$')
    place, part = tonumber(first), tonumber(second)
end
local added = 0
for at = 3, #ARGV, 4 do
    local this, its = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
    if this > place or (this == place and its > part) then
        redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], ARGV[at] .. '-' .. ARGV[at + 1],
            'after', ARGV[at + 2], 'event', ARGV[at + 3])
        added = added + 1
    end
end
if added > 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return added
",
    )
});

/// The longest time for beginning to follow.
const BEGIN: Duration = Duration::from_secs(1);
/// For how long Redis is asked to wait for an entry, in milliseconds.
const BLOCK: u64 = 5000;

impl Redis {
    /// Writes these entries to a stream, except for those that another replica has written. Returns
    /// how many were new. A stream that cannot be written is no reason to give up what counts.
    pub async fn append(
        &self,
        stream: &str,
        bounds: StreamBounds,
        entries: &[StreamEntry],
    ) -> Result<i64, IsDown> {
        let mut call = APPEND.0.key(stream);
        let idle = i64::try_from(bounds.idle.as_millis()).unwrap_or(i64::MAX);
        call.arg(bounds.entries).arg(idle);
        for StreamEntry { place: (place, part), after, event } in entries {
            call.arg(*place).arg(*part).arg(after).arg(event);
        }
        let Some(mut link) = self.link() else { return Err(IsDown) };
        let written = in_time(ANSWER, call.invoke_async(&mut link.connection)).await;
        written.map_err(|why| {
            tracing::debug!(why, "a stream was not written");
            IsDown
        })
    }

    /// Follows a stream and passes on that there is something new, for as long as this is awaited.
    pub async fn follow(&self, stream: &str, hint: &Notify) {
        self.with_each_connection(|| self.pass_entries_on(stream, hint)).await;
    }

    async fn pass_entries_on(&self, stream: &str, hint: &Notify) {
        let waits = Duration::from_millis(BLOCK) + ANSWER;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(waits));
        let connect = self.client().get_multiplexed_async_connection_with_config(&config);
        let Ok(Ok(mut connection)) = timeout(BEGIN, connect).await else { return };
        let mut newest = cmd("XREVRANGE");
        newest.arg(stream).arg("+").arg("-").arg("COUNT").arg(1);
        let Ok(newest) = newest.query_async::<Value>(&mut connection).await else { return };
        let mut last = last_of(&newest).unwrap_or_else(|| "0-0".to_owned());
        // Something may have been missed before.
        hint.notify_one();
        loop {
            let mut read = cmd("XREAD");
            read.arg("COUNT").arg(1000).arg("BLOCK").arg(BLOCK);
            read.arg("STREAMS").arg(stream).arg(&last);
            let Ok(read) = read.query_async::<Value>(&mut connection).await else { return };
            if let Some(newest) = entries_of(&read).and_then(last_of) {
                last = newest;
                hint.notify_one();
            }
        }
    }
}

/// The entries in an answer to XREAD about one stream; `None` if there is nothing new.
fn entries_of(answer: &Value) -> Option<&Value> {
    match answer {
        Value::Array(streams) => match streams.first()? {
            Value::Array(stream) => stream.get(1),
            _ => None,
        },
        Value::Map(streams) => streams.first().map(|(_, entries)| entries),
        _ => None,
    }
}

/// The id of the last of these entries.
fn last_of(entries: &Value) -> Option<String> {
    let Value::Array(entries) = entries else { return None };
    let Value::Array(entry) = entries.last()? else { return None };
    match entry.first()? {
        Value::BulkString(id) => String::from_utf8(id.clone()).ok(),
        Value::SimpleString(id) => Some(id.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn the_last_entry_of_an_answer_is_found() {
        let entry = |id| Value::Array(vec![text(id), Value::Array(vec![text("a"), text("b")])]);
        let entries = Value::Array(vec![entry("7-0"), entry("9-2")]);
        let answer = Value::Array(vec![Value::Array(vec![text("stream"), entries.clone()])]);
        assert_eq!(entries_of(&answer).and_then(last_of).as_deref(), Some("9-2"));
        let answer = Value::Map(vec![(text("stream"), entries)]);
        assert_eq!(entries_of(&answer).and_then(last_of).as_deref(), Some("9-2"));
        for nothing in [Value::Nil, Value::Array(Vec::new()), text("x"), Value::Map(Vec::new())] {
            assert_eq!(entries_of(&nothing).and_then(last_of), None, "{nothing:?}");
        }
    }
}
