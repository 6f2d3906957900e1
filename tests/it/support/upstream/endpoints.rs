//! The endpoints of a stub, and the page that asks the person.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, Response};
use mapae::domain::pkce::Challenge;

use super::callback::{self, Callback};
use super::grant::{CLIENT_ID, Grant};
use super::messages::{Answer, Fields, RecordedRequest};
use super::records::ProviderRecords;
use super::{PersonAnswer, Vendor};

/// A provider and its state.
pub(super) struct ProviderEndpoints<V> {
    pub(super) records: ProviderRecords,
    pub(super) vendor: V,
}

/// Answers every request.
pub(super) async fn take<V: Vendor>(
    State(endpoints): State<Arc<ProviderEndpoints<V>>>,
    request: Request,
) -> Response<Body> {
    let asked = RecordedRequest::read(request).await;
    endpoints.records.record(asked.clone());
    endpoints.answer(&asked).send().await
}

impl<V: Vendor> ProviderEndpoints<V> {
    fn answer(&self, asked: &RecordedRequest) -> Answer {
        if let Some(fault) = self.records.fault(asked) {
            return fault;
        }
        if !self.vendor.authorizes(&asked.path) {
            return self.vendor.answer(&self.records, asked);
        }
        let says = if asked.form.get("answer") == "approve" {
            PersonAnswer::Yes
        } else {
            PersonAnswer::No
        };
        match self.authorize(asked, says) {
            Err(problem) => Answer::html(400, &callback::escaped(&problem)),
            Ok(_) if asked.method == Method::GET => {
                callback::page(&asked.path, &asked.query, self.records.person().name())
            }
            Ok(callback) => callback.answer(),
        }
    }

    /// Checks an authorization request, and returns the callback for the person's answer.
    pub(super) fn authorize(
        &self,
        asked: &RecordedRequest,
        says: PersonAnswer,
    ) -> Result<Callback, String> {
        let (records, request) = (&self.records, &asked.query);
        if request.get("client_id") != CLIENT_ID {
            return Err("this client_id is not known".to_owned());
        }
        if !records.may_redirect_to(request.get("redirect_uri")) {
            return Err("this redirect_uri is not registered".to_owned());
        }
        let challenge = request.has("code_challenge") && V::PKCE;
        let challenge = challenge.then(|| Challenge::parse(request.get("code_challenge")));
        if challenge == Some(None)
            || challenge.is_some() && request.get("code_challenge_method") != "S256"
        {
            return Err("the code_challenge is missing".to_owned());
        }
        self.vendor.check(asked)?;
        let some = |name: &str| Some(request.get(name).to_owned()).filter(|text| !text.is_empty());
        let mut fields = match says {
            PersonAnswer::No => self.vendor.cancelled(),
            PersonAnswer::Yes => {
                let code = records.code(Grant {
                    client_id: CLIENT_ID.to_owned(),
                    redirect_uri: request.get("redirect_uri").to_owned(),
                    scope: request.get("scope").to_owned(),
                    state: request.get("state").to_owned(),
                    nonce: some("nonce"),
                    challenge: challenge.flatten(),
                    auth_time: request.has("max_age").then(|| records.now()),
                    person: records.person(),
                });
                Fields::of(&[("code", &code)])
            }
        };
        if let Some(state) = some("state") {
            fields = fields.with("state", &state);
        }
        let uri = request.get("redirect_uri").to_owned();
        let callback = Callback { uri, fields, posted: false, fragment: "" };
        Ok(self.vendor.back(records, request, says, callback))
    }
}
