//! A `tower::Layer`: requests without a good token do not reach the service behind it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::claims::Token;
use crate::presented::Presented;
use crate::refusal::Refusal;
use crate::requirement::Requirement;
use crate::verifier::Verifier;

/// The certificate that the client showed in the TLS handshake, in DER. Whoever accepts connections
/// puts it into the extensions of a request; a token that is bound to a certificate (RFC 8705) needs
/// it. Never fill it from a header that a client could send itself.
#[derive(Clone, Debug)]
pub struct ClientCertificate(pub Arc<[u8]>);

/// Verifies the token of every request. The [`Token`] is put into the extensions of the request; a
/// request without a good one is answered with what [`Refusal`] says, and an empty body.
#[derive(Clone, Debug)]
pub struct VerifyLayer {
    verifier: Verifier,
    requirement: Arc<Requirement>,
    origin: Option<Arc<str>>,
}

impl Verifier {
    /// A layer that asks for a good token.
    #[must_use]
    pub fn layer(&self) -> VerifyLayer {
        self.layer_requiring(Requirement::default())
    }

    /// A layer that asks for a good token and more.
    #[must_use]
    pub fn layer_requiring(&self, requirement: Requirement) -> VerifyLayer {
        let requirement = Arc::new(requirement);
        VerifyLayer { verifier: self.clone(), requirement, origin: None }
    }
}

impl VerifyLayer {
    /// Where clients find this server, `https://api.example.com`: DPoP proofs are for addresses below
    /// it. Without it no proof is accepted, and so no token that is bound to a key: `Host` is what the
    /// sender says, and a proof that was made for another server would be good here.
    #[must_use]
    pub fn origin(mut self, origin: impl AsRef<str>) -> Self {
        self.origin = Some(origin.as_ref().trim_end_matches('/').into());
        self
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = VerifyService<S>;

    fn layer(&self, inner: S) -> VerifyService<S> {
        VerifyService { inner, layer: self.clone() }
    }
}

/// The service of a [`VerifyLayer`].
#[derive(Clone, Debug)]
pub struct VerifyService<S> {
    inner: S,
    layer: VerifyLayer,
}

impl<S, B, R> Service<Request<B>> for VerifyService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that is ready is the one that is called; its clone is for the next request.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match layer.token_of(&parts).await {
                Ok(token) => {
                    parts.extensions.insert(token);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(refusal) => Ok(answer(&refusal)),
            }
        })
    }
}

impl VerifyLayer {
    async fn token_of(&self, parts: &http::request::Parts) -> Result<Token, Refusal> {
        let origin = self.origin.as_deref();
        let url = origin.map_or_else(String::new, |origin| format!("{origin}{}", parts.uri.path()));
        let certificate = parts.extensions.get::<ClientCertificate>();
        let presented = Presented::from_headers(&parts.headers, &parts.method, &url)?
            .with_certificate(certificate.map(|one| &*one.0));
        let token = self.verifier.verify(presented).await?;
        self.verifier.require(&token, &self.requirement)?;
        Ok(token)
    }
}

fn answer<R: Default>(refusal: &Refusal) -> Response<R> {
    let mut response = Response::new(R::default());
    *response.status_mut() = refusal.status();
    *response.headers_mut() = refusal.headers();
    response
}
