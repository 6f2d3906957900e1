//! A bare axum that gives one fixed answer: what HTTP alone costs here. It is this very program,
//! started again, so that it is measured like the server: as a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use axum::routing::{any, post};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::limits;
use crate::load::{Connection, Cycle, Fixed, Target};
use crate::site::Site;

const SERVE: &str = "--bare-axum";
const SERVE_AND_HASH: &str = "--bare-axum-hashing";

/// A bare axum as a child process.
pub(crate) struct Bare {
    child: Child,
    pub(crate) target: Target,
}

impl Bare {
    /// Gives the answer that the server gives to this request, head and body; says also how to ask
    /// for it.
    pub(crate) async fn of(site: &Site, folder: &Path, request: Vec<u8>) -> (Self, Cycle) {
        Self::run(SERVE, site, folder, request).await
    }

    /// As well as that, hashes the form of every POST to `/token` on two threads.
    pub(crate) async fn hashing(site: &Site, folder: &Path, request: Vec<u8>) -> (Self, Cycle) {
        Self::run(SERVE_AND_HASH, site, folder, request).await
    }

    async fn run(mode: &str, site: &Site, folder: &Path, request: Vec<u8>) -> (Self, Cycle) {
        let mut connection = Connection::open(site.server.target.address).await.unwrap();
        let answer = connection.send(&request).await.unwrap();
        let file = folder.join("answer");
        std::fs::write(&file, [answer.head, answer.body].concat()).unwrap();
        let line = String::from_utf8_lossy(&request);
        let path = line.split(' ').nth(1).unwrap();

        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([mode, path])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let target = Target { address: line.trim().parse().unwrap(), pid: child.id() };
        let body = Some(answer.body.to_vec());
        (Self { child, target }, Cycle::new(vec![Fixed { request, body }]))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What the child process is asked to do.
pub(crate) struct Answer {
    path: String,
    file: PathBuf,
    hashes: bool,
}

impl Answer {
    pub(crate) fn asked_for(arguments: &[String]) -> Option<Self> {
        let [mode, path, file] = arguments else { return None };
        let hashes = match mode.as_str() {
            SERVE => false,
            SERVE_AND_HASH => true,
            _ => return None,
        };
        Some(Self { path: path.clone(), file: file.into(), hashes })
    }
}

/// The child process: as many workers as the server has cores here.
pub(crate) fn serve(answer: &Answer) {
    std::thread::spawn(|| {
        // The other end is closed by the end of whoever started this, however it ends.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let (headers, body) = read(&answer.file);
    let fixed = move |_: Bytes| {
        let mut response = Response::new(Body::from(body.clone()));
        response.headers_mut().clone_from(&headers);
        std::future::ready(response)
    };
    let mut router = Router::new().route(&answer.path, any(fixed));
    if answer.hashes {
        let pool = pool();
        let hash = move |form: Bytes| {
            let (reply, hashed) = oneshot::channel();
            pool.send((form, reply)).unwrap();
            async move { hashed.await.unwrap().to_vec() }
        };
        router = router.route("/token", post(hash));
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "{}", listener.local_addr().unwrap()).unwrap();
        axum::serve(listener, router).await.unwrap();
    });
}

type Job = (Bytes, oneshot::Sender<[u8; 32]>);

fn pool() -> mpsc::Sender<Job> {
    let (jobs, queue) = mpsc::channel::<Job>();
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..2 {
        let queue = Arc::clone(&queue);
        std::thread::spawn(move || {
            let mut hash = limits::argon2id();
            loop {
                let job = queue.lock().unwrap().recv();
                let Ok((form, reply)) = job else { return };
                // Who asked may be gone.
                let _ = reply.send(hash(&form));
            }
        });
    }
    jobs
}

fn read(file: &Path) -> (HeaderMap, Bytes) {
    const WRITTEN_BY_HYPER: [HeaderName; 3] =
        [header::CONTENT_LENGTH, header::DATE, header::CONNECTION];
    let text = std::fs::read_to_string(file).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let headers = head.lines().skip(1).map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())
    });
    let headers = headers.filter(|(name, _)| !WRITTEN_BY_HYPER.contains(name)).collect();
    (headers, Bytes::copy_from_slice(body.as_bytes()))
}
