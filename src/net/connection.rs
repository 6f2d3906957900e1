//! One connection: its handshake, its protocol, its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::server::TlsStream;

use crate::keys::certificates::ShownCertificate;
use crate::net::timeouts::{Activity, WatchedStream};
use crate::net::tls::{Tls, chose_http2, shown};

/// The largest head of a request, in bytes. A larger one gets 431. A connection buffers no more
/// than this.
const HEAD: usize = 16 * 1024;
/// The most concurrent requests on one HTTP/2 connection.
const STREAMS: u32 = 100;
/// How much a peer may send before it is read: of one body, and of all bodies of a connection. No
/// form is larger.
const WINDOW: u32 = 64 * 1024;
const FRAME: u32 = 16 * 1024;
/// The most streams that a peer may reset before they are handled; CVE-2023-44487.
const RESETS: usize = 20;
/// The most streams that we may have to reset because of errors; RUSTSEC-2024-0003.
const ERRORS: usize = 64;
/// How often an HTTP/2 peer is asked whether it is still there, and how long its answer may take.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);
/// How long an HTTP/2 connection stays open to tell the peer that it ends.
const GOODBYE: Duration = Duration::from_secs(1);

/// Answers the requests of one listener.
pub(crate) trait Answer: Clone + Send + Sync + 'static {
    /// The response, as a future.
    type Future: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static;

    /// Answers a request from this peer.
    fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> Self::Future;
}

impl<A, F> Answer for A
where
    A: Fn(SocketAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
{
    type Future = F;

    fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> F {
        self(peer, request)
    }
}

/// A connection that was accepted.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) activity: Arc<Activity>,
    pub(crate) stopped: watch::Receiver<bool>,
}

impl Connection {
    /// Answers the requests of the connection until it ends.
    pub(crate) async fn serve(self, tls: Option<&Tls>, answer: impl Answer) {
        let Self { stream, peer, activity, stopped } = self;
        // Without this option, small responses wait for acknowledgements. If the socket refuses it,
        // the connection is only slower.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else {
            return http1(stream, Origin { peer, shown: None }, &activity, stopped, answer).await;
        };
        // On the heap, where each protocol takes only the room that it needs, and only while it
        // needs it.
        if let Some(stream) = Box::pin(shake_hands(tls, stream, peer, &activity)).await {
            let from = Origin { peer, shown: shown(&stream) };
            if chose_http2(&stream) {
                Box::pin(http2(stream, from, &activity, stopped, answer)).await;
            } else {
                Box::pin(http1(stream, from, &activity, stopped, answer)).await;
            }
        }
    }
}

/// From whom the requests of a connection come.
#[derive(Debug)]
struct Origin {
    peer: SocketAddr,
    /// The certificate of the handshake.
    shown: Option<ShownCertificate>,
}

impl Origin {
    /// Hands a request on with the certificate.
    fn marked(&self, mut request: Request<Incoming>) -> Request<Incoming> {
        if let Some(shown) = &self.shown {
            request.extensions_mut().insert(shown.clone());
        }
        request
    }
}

async fn shake_hands(
    tls: &Tls,
    stream: TcpStream,
    peer: SocketAddr,
    activity: &Activity,
) -> Option<TlsStream<TcpStream>> {
    let mut handshake = pin!(tls.accept(stream));
    let mut timer = pin!(sleep_until(Instant::now()));
    let accepted = poll_fn(|context| match handshake.as_mut().poll(context) {
        Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
        Poll::Pending => activity.poll_over(timer.as_mut(), context).map(|()| None),
    });
    match accepted.await {
        Some(Ok(stream)) => return Some(stream),
        Some(Err(error)) => {
            tracing::debug!(%error, "a handshake failed");
            tls.tell_refused(peer, &error);
        }
        None => tracing::debug!("a handshake took too long"),
    }
    None
}

async fn http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: Origin,
    activity: &Arc<Activity>,
    stopped: watch::Receiver<bool>,
    answer: impl Answer,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).max_buf_size(HEAD).max_header_size(HEAD);
    // Hyper would count the idle time before a head as time for the head. `Activity` measures the
    // two separately.
    http.header_read_timeout(None);
    let stream = TokioIo::new(WatchedStream::new(stream, Arc::clone(activity)));
    let service = service_fn(|request| {
        let request = from.marked(request);
        let (work, answered) = (activity.work(), answer.answer(from.peer, request));
        async move {
            let answered = answered.await;
            drop(work);
            answered
        }
    });
    attend(http.serve_connection(stream, service), activity, stopped, None).await;
}

async fn http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: Origin,
    activity: &Arc<Activity>,
    stopped: watch::Receiver<bool>,
    answer: impl Answer,
) {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX))
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .max_send_buf_size(usize::try_from(WINDOW).unwrap_or(HEAD))
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(ERRORS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    let service = service_fn(|mut request: Request<Incoming>| {
        join_cookies(request.headers_mut());
        let request = from.marked(request);
        let (work, answered) = (activity.work(), answer.answer(from.peer, request));
        async move {
            let answered = answered.await;
            drop(work);
            answered
        }
    });
    let stream = TokioIo::new(stream);
    attend(http.serve_connection(stream, service), activity, stopped, Some(GOODBYE)).await;
}

/// RFC 9113 §8.2.3: the cookie header may be split into several fields.
fn join_cookies(headers: &mut HeaderMap) {
    let pieces: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if pieces.len() < 2 {
        return;
    }
    if let Ok(whole) = HeaderValue::from_bytes(&pieces.join(&b"; "[..])) {
        headers.insert(COOKIE, whole);
    }
}

/// Drives a connection until it ends, until it has waited too long, or until the server stops and
/// no request is left to answer.
async fn attend<C: GracefulConnection<Error = hyper::Error>>(
    connection: C,
    activity: &Activity,
    mut stopped: watch::Receiver<bool>,
    goodbye: Option<Duration>,
) {
    let mut connection = pin!(connection);
    let mut timer = pin!(sleep_until(Instant::now()));
    let mut stop = pin!(async move {
        // The sender is dropped only when the server has ended.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    });
    let mut stops = false;
    let ended = poll_fn(|context| {
        if !stops && stop.as_mut().poll(context).is_ready() {
            stops = true;
            connection.as_mut().graceful_shutdown();
        }
        match connection.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending => activity.poll_over(timer.as_mut(), context).map(|()| None),
        }
    });
    match ended.await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(%error, "a connection ended early"),
        None => {
            tracing::debug!("a connection waited too long");
            if let Some(goodbye) = goodbye {
                connection.as_mut().graceful_shutdown();
                // The connection ends in any case.
                let _ = tokio::time::timeout(goodbye, connection).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9113_8_2_3_cookies_in_pieces_are_one_header() {
        let mut headers = HeaderMap::new();
        join_cookies(&mut headers);
        assert!(headers.is_empty());
        for piece in ["a=1", "b=2; c=3", "d=\u{e9}"] {
            headers.append(COOKIE, HeaderValue::from_bytes(piece.as_bytes()).unwrap());
        }
        join_cookies(&mut headers);
        let cookies: Vec<_> = headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3; d=\u{e9}"]);
    }
}
