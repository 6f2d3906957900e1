//! Counts requests in Redis, by its clock: all replicas have the same one.

use super::bucket::{Bucket, Counted, micros};
use crate::domain::hex;
use crate::redis_client::{Redis, Script};

/// The same as [`decide`](super::bucket::decide) for one request. The row ends when the bucket is
/// empty. Numbers in Lua are exact up to 2^53, which is the year 2255 in microseconds.
const COUNT: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local empty_at = tonumber(redis.call('GET', KEYS[1]) or now)
local after = math.min(math.max(empty_at - now, 0), capacity) + interval
if after > capacity then
    return after - capacity
end
redis.call('SET', KEYS[1], string.format('%.0f', now + after), 'PX', math.ceil(after / 1000))
return 0
";

/// Counts requests in Redis.
#[derive(Debug)]
pub(super) struct InRedis {
    redis: Redis,
    script: Script,
}

impl InRedis {
    pub(super) fn new(redis: Redis) -> Self {
        Self { redis, script: Script::new(COUNT) }
    }

    /// Counts a request. `None`: Redis does not answer.
    pub(super) async fn count(&self, bucket: &Bucket) -> Option<Counted> {
        let key = format!("mapae:rate:{}", hex::lower(&bucket.key));
        let numbers = [bucket.rate.interval(), bucket.rate.capacity()];
        let wait = self.redis.run(&self.script, &key, &numbers).await.ok()?;
        Some(if wait > 0 { Err(micros(wait)) } else { Ok(()) })
    }
}
