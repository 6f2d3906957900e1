//! The load: HTTP/1.1 over kept-alive connections, one request at a time on each, written by hand.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::str;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::process;

/// Where the load goes.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
}

/// How long is measured, after how long a start that does not count.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) warmup: Duration,
    pub(crate) length: Duration,
}

impl Window {
    pub(crate) fn of(length: Duration) -> Self {
        Self { warmup: Duration::from_millis(300), length }
    }

    pub(crate) fn start(self) -> Range<Instant> {
        let start = Instant::now() + self.warmup;
        start..start + self.length
    }
}

/// An answer as it came.
#[derive(Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    fn unexpected(&self) -> String {
        format!("status {}: {}", self.status, String::from_utf8_lossy(self.body))
    }
}

/// What one connection asks for, and which answers are right.
pub(crate) trait Ask: Send {
    fn write(&mut self, request: &mut Vec<u8>);
    fn read(&mut self, answer: &Answer<'_>) -> Result<(), String>;
}

/// A request that is always the same; with its answer, where that is always the same too.
#[derive(Clone)]
pub(crate) struct Fixed {
    pub(crate) request: Vec<u8>,
    pub(crate) body: Option<Vec<u8>>,
}

/// Fixed requests in turn, shared by all connections.
#[derive(Clone)]
pub(crate) struct Cycle {
    all: Arc<[Fixed]>,
    next: Arc<AtomicUsize>,
    current: usize,
}

impl Cycle {
    pub(crate) fn new(all: Vec<Fixed>) -> Self {
        Self { all: all.into(), next: Arc::default(), current: 0 }
    }

    /// The same for so many connections.
    pub(crate) fn on(&self, connections: usize) -> Vec<Box<dyn Ask>> {
        (0..connections).map(|_| Box::new(self.clone()) as Box<dyn Ask>).collect()
    }
}

impl Ask for Cycle {
    fn write(&mut self, request: &mut Vec<u8>) {
        self.current = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len();
        request.extend_from_slice(&self.all[self.current].request);
    }

    fn read(&mut self, answer: &Answer<'_>) -> Result<(), String> {
        let body = self.all[self.current].body.as_deref();
        if answer.status == 200 && body.is_none_or(|body| body == answer.body) {
            return Ok(());
        }
        Err(answer.unexpected())
    }
}

/// Rotates one family: every request carries the token that the last answer brought.
pub(crate) struct Refresh {
    /// The request up to its length.
    pub(crate) head: Arc<str>,
    pub(crate) token: String,
    pub(crate) id_token: bool,
}

impl Ask for Refresh {
    fn write(&mut self, request: &mut Vec<u8>) {
        use io::Write;
        let form = "grant_type=refresh_token&refresh_token=";
        let length = form.len() + self.token.len();
        write!(request, "{}content-length: {length}\r\n\r\n{form}{}", self.head, self.token)
            .unwrap();
    }

    fn read(&mut self, answer: &Answer<'_>) -> Result<(), String> {
        let member = |name: &str| {
            let start = find(answer.body, name.as_bytes())? + name.len();
            let length = answer.body[start..].iter().position(|&byte| byte == b'"')?;
            str::from_utf8(&answer.body[start..start + length]).ok()
        };
        match member("\"refresh_token\":\"") {
            Some(token)
                if answer.status == 200
                    && token != self.token
                    && member("\"id_token\":\"").is_some() == self.id_token =>
            {
                self.token.clear();
                self.token.push_str(token);
                Ok(())
            }
            _ => Err(answer.unexpected()),
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// A kept-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        Self::open_from(Ipv4Addr::LOCALHOST, address).await
    }

    /// From this address of ours: all of `127.0.0.0/8` is.
    async fn open_from(own: Ipv4Addr, address: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((own, 0).into())?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), buffer: vec![0; 16 * 1024] })
    }

    pub(crate) async fn open_many(address: SocketAddr, count: usize) -> Vec<Self> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(Self::open(address).await.unwrap());
        }
        connections
    }

    /// Sends one request and waits for its answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.receive().await
    }

    pub(crate) async fn ask(&mut self, ask: &mut dyn Ask) -> Result<(), String> {
        self.request.clear();
        ask.write(&mut self.request);
        let broken = |error: io::Error| error.to_string();
        self.stream.write_all(&self.request).await.map_err(broken)?;
        ask.read(&self.receive().await.map_err(broken)?)
    }

    async fn receive(&mut self) -> io::Result<Answer<'_>> {
        let mut filled = 0;
        let (status, head, body) = loop {
            if filled == self.buffer.len() {
                self.buffer.resize(filled * 2, 0);
            }
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some((status, head, length)) = parse(&self.buffer[..filled])?
                && filled >= head + length
            {
                break (status, head, length);
            }
        };
        let (head, rest) = self.buffer.split_at(head);
        Ok(Answer { status, head, body: &rest[..body] })
    }
}

/// The status, the length of the head and that of the body, when the head is all there.
fn parse(text: &[u8]) -> io::Result<Option<(u16, usize, usize)>> {
    let Some(end) = find(text, b"\r\n\r\n") else { return Ok(None) };
    let head = str::from_utf8(&text[..end]).map_err(io::Error::other)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.get(9..12)?.parse().ok());
    let length = lines
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse().ok());
    let (Some(status), Some(length)) = (status, length) else {
        return Err(io::Error::other(format!("an answer without status or length: {head}")));
    };
    Ok(Some((status, end + 4, length)))
}

/// What a row came to.
#[derive(Clone)]
pub(crate) struct Measured {
    /// Requests answered per second.
    pub(crate) rate: f64,
    /// Latencies in ms.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// CPU time of the server for a request, in µs.
    pub(crate) cpu: f64,
    /// CPU time of the load generator for a request, in µs.
    pub(crate) own_cpu: f64,
    /// Memory of the server at the end, in MB.
    pub(crate) rss: f64,
}

impl Measured {
    /// For a row that is not about requests.
    pub(crate) const NOTHING: Self = Self {
        rate: f64::NAN,
        p50: f64::NAN,
        p99: f64::NAN,
        max: f64::NAN,
        cpu: f64::NAN,
        own_cpu: f64::NAN,
        rss: f64::NAN,
    };
}

#[derive(Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) own_cpu: Duration,
    pub(crate) rss: f64,
}

/// What the processes of the server and our own took in this time.
async fn usage(pids: Vec<u32>, counted: Range<Instant>) -> Usage {
    let own = std::process::id();
    let all = || pids.iter().map(|&pid| process::cpu_time(pid)).sum::<Duration>();
    sleep_until(counted.start).await;
    let (cpu, own_cpu) = (all(), process::cpu_time(own));
    sleep_until(counted.end).await;
    Usage {
        cpu: all().saturating_sub(cpu),
        own_cpu: process::cpu_time(own).saturating_sub(own_cpu),
        rss: pids.iter().map(|&pid| process::rss(pid)).sum(),
    }
}

/// What these latencies in µs come to.
pub(crate) fn summary(
    mut latencies: Vec<u32>,
    length: Duration,
    usage: &Usage,
) -> Result<Measured, String> {
    latencies.sort_unstable();
    let count = latencies.len();
    let Some(&last) = latencies.last() else { return Err("nothing was answered".to_owned()) };
    let millis = |micros: u32| f64::from(micros) / 1000.0;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    Ok(Measured {
        rate: count as f64 / length.as_secs_f64(),
        p50: millis(latencies[count / 2]),
        p99: millis(latencies[count * 99 / 100]),
        max: millis(last),
        cpu: each(usage.cpu),
        own_cpu: each(usage.own_cpu),
        rss: usage.rss,
    })
}

/// One connection for each of these, each asking again as soon as it is answered. The first wrong
/// answer ends its connection and makes the row void.
pub(crate) async fn closed_loop(
    target: Target,
    asks: Vec<Box<dyn Ask>>,
    window: Window,
) -> (Vec<Box<dyn Ask>>, Result<Measured, String>) {
    spread(&[target], asks, window).await
}

/// The same over several replicas, to which the connections go in turn.
pub(crate) async fn spread(
    targets: &[Target],
    asks: Vec<Box<dyn Ask>>,
    window: Window,
) -> (Vec<Box<dyn Ask>>, Result<Measured, String>) {
    let mut connections = Vec::with_capacity(asks.len());
    for target in targets.iter().cycle().take(asks.len()) {
        connections.push(Connection::open(target.address).await.unwrap());
    }
    let counted = window.start();
    let pids = targets.iter().map(|target| target.pid).collect();
    let usage = tokio::spawn(usage(pids, counted.clone()));
    let mut tasks = JoinSet::new();
    for (connection, ask) in connections.into_iter().zip(asks) {
        tasks.spawn(repeat(connection, ask, counted.clone()));
    }
    let mut asks = Vec::with_capacity(tasks.len());
    let mut latencies = Vec::new();
    let mut outcome = Ok(());
    for (ask, some, end) in tasks.join_all().await {
        asks.push(ask);
        latencies.extend(some);
        outcome = outcome.and(end);
    }
    let usage = usage.await.unwrap();
    (asks, outcome.and_then(|()| summary(latencies, window.length, &usage)))
}

async fn repeat(
    mut connection: Connection,
    mut ask: Box<dyn Ask>,
    counted: Range<Instant>,
) -> (Box<dyn Ask>, Vec<u32>, Result<(), String>) {
    let mut latencies = Vec::with_capacity(1 << 16);
    let mut asked = Instant::now();
    loop {
        let answer = connection.ask(&mut *ask).await;
        let answered = Instant::now();
        if counted.contains(&answered) {
            latencies.push(micros(answered - asked));
        }
        if answer.is_err() || answered >= counted.end {
            return (ask, latencies, answer);
        }
        asked = answered;
    }
}

pub(crate) fn micros(time: Duration) -> u32 {
    time.as_micros() as u32
}

/// A closed loop of some while others come in at a fixed rate, whether the earlier ones are
/// answered or not. Measured are the first; of the others none may go wrong.
pub(crate) async fn beside(
    target: Target,
    asks: Vec<Box<dyn Ask>>,
    others: Cycle,
    per_second: f64,
    window: Window,
) -> Result<Measured, String> {
    let others = tokio::spawn(open_loop(target, others, per_second, window));
    let (_, measured) = closed_loop(target, asks, window).await;
    others.await.unwrap()?;
    measured
}

async fn open_loop(
    target: Target,
    asks: Cycle,
    per_second: f64,
    window: Window,
) -> Result<(), String> {
    // More than are ever under way at once, unless the server falls behind.
    let mut idle = Connection::open_many(target.address, 64).await;
    let mut tasks = JoinSet::new();
    let (start, end) = (Instant::now(), window.start().end);
    for number in 0_u32.. {
        let due = start + Duration::from_secs_f64(f64::from(number) / per_second);
        if due >= end {
            break;
        }
        sleep_until(due).await;
        while let Some(done) = tasks.try_join_next() {
            idle.push(done.unwrap()?);
        }
        let mut connection = idle.pop().ok_or("more sign-ins wait than there are connections")?;
        let mut ask = asks.clone();
        tasks.spawn(async move {
            connection.ask(&mut ask).await?;
            Ok::<_, String>(connection)
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap()?;
    }
    Ok(())
}

/// A crowd that asks for more than there is: who is refused with 429 or 503 waits a moment and asks
/// again. Says also how many answers of each status there were.
pub(crate) async fn storm(
    target: Target,
    asks: &Cycle,
    crowd: u8,
    window: Window,
) -> (BTreeMap<u16, usize>, Result<Measured, String>) {
    const PAUSE: Duration = Duration::from_millis(100);
    let mut connections = Vec::new();
    for person in 0..crowd {
        // Everybody has an address of their own: it is the server that is asked too much, not its
        // throttle of one address.
        let own = Ipv4Addr::new(127, 1, 0, person);
        connections.push(Connection::open_from(own, target.address).await.unwrap());
    }
    let window = Window { warmup: Duration::ZERO, ..window };
    let counted = window.start();
    let usage = tokio::spawn(usage(vec![target.pid], counted.clone()));
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        let (mut asks, end) = (asks.clone(), counted.end);
        tasks.spawn(async move {
            let mut answers = Vec::new();
            while Instant::now() < end {
                let mut request = Vec::new();
                asks.write(&mut request);
                let asked = Instant::now();
                let answer = connection.send(&request).await.map_err(|error| error.to_string())?;
                answers.push((answer.status, micros(asked.elapsed())));
                match answer.status {
                    200 => {}
                    429 | 503 => sleep(PAUSE).await,
                    _ => return Err(answer.unexpected()),
                }
            }
            Ok(answers)
        });
    }
    let mut statuses = BTreeMap::new();
    let mut latencies = Vec::new();
    let mut outcome = Ok(());
    for answers in tasks.join_all().await {
        match answers {
            Ok(answers) => {
                for (status, latency) in answers {
                    *statuses.entry(status).or_default() += 1;
                    latencies.push(latency);
                }
            }
            Err(error) => outcome = Err(error),
        }
    }
    let usage = usage.await.unwrap();
    (statuses, outcome.and_then(|()| summary(latencies, window.length, &usage)))
}
