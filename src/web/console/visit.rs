//! A request to the console: who sends it, and the proof of what they may do.

#![expect(clippy::result_large_err, reason = "a page is the answer of a handler either way")]

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, RawPathParams, Request};
use axum::http::{Method, Response, StatusCode};
use chrono::Duration;

use crate::accounts::browsers::SignedInUser;
use crate::admin::authority::{self, Authority, May, NotAllowed, Proven, ReadClients, Right};
use crate::admin::refused::Refused;
use crate::domain::account_page::AccountPage;
use crate::domain::acr::Acr;
use crate::domain::admin_right::Rights;
use crate::domain::admin_role::AdminRole;
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::reason::Reason;
use crate::domain::return_page::{ConsolePath, ReturnPage};
use crate::domain::verdict::{Error, Fault};
use crate::flows::submitted::AccountForm;
use crate::flows::{my_account, start};
use crate::oauth::refused::RefusedRequest;
use crate::pages::console::{ConsolePage, ConsoleShell};
use crate::pages::{Frame, PageProblem};
use crate::settings::time;
use crate::web::account_session::whose;
use crate::web::edge::Context;
use crate::web::flash_messages;
use crate::web::page::{self, Answered, Failed};
use crate::web::page_request::PageRequest;
use crate::web::receive;
use crate::web::respond::respond;
use crate::web::shared::Shared;
use crate::web::shown::person;

/// A request of a person who may do this.
pub(super) struct Visit<R> {
    /// The parts of the server.
    pub(super) shared: Arc<Shared>,
    /// The request.
    pub(super) page_request: PageRequest,
    /// The proof that they may.
    pub(super) may: May<R>,
    /// The rights of the person.
    pub(super) rights: Rights,
    person: SignedInUser,
    authority: Authority,
    csrf: String,
    name: String,
}

/// Who sends a request, before it is known what it needs.
struct Sender {
    shared: Arc<Shared>,
    page_request: PageRequest,
    person: SignedInUser,
    /// The path of the page to which the request belongs.
    page: String,
    name: String,
}

impl<R: Right> FromRequest<Arc<Shared>> for Visit<R> {
    type Rejection = Response<Body>;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Response<Body>> {
        let sender = Box::pin(sender(request, shared)).await?;
        Box::pin(sender.visit()).await
    }
}

/// The methods and the paths of the console: what can be opened is a page, the rest takes forms.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Operations(pub(super) &'static [(&'static str, &'static str)]);

impl Operations {
    /// The page to which a form belongs: itself, if it can be opened, or the one above.
    fn page_of(self, route: &str, path: &str) -> String {
        let (mut route, mut path) = (route, path);
        while !self.0.contains(&("get", route)) {
            let above = (route.rsplit_once('/'), path.rsplit_once('/'));
            let (Some((shorter, _)), Some((short, _))) = above else { break };
            (route, path) = (shorter, short);
        }
        path.to_owned()
    }
}

async fn sender(request: Request, shared: &Arc<Shared>) -> Result<Sender, Response<Body>> {
    let (mut parts, body) = request.into_parts();
    let context = Context::from_request_parts(&mut parts, shared).await?;
    let names = RawPathParams::from_request_parts(&mut parts, shared).await;
    let name = match names {
        Ok(names) => names.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default(),
        // It is not UTF-8, so nothing has this name: it is refused below.
        Err(_) => "\0".to_owned(),
    };
    let route = parts.extensions.get::<MatchedPath>().map(|it| it.as_str().to_owned());
    let route = route.unwrap_or_default();
    let route = route.strip_prefix(&shared.base).unwrap_or(&route);
    let operations = parts.extensions.get::<Operations>().copied().unwrap_or_default();
    let page = operations.page_of(route, parts.uri.path());
    let is_form = parts.method == Method::POST;
    let request = Request::from_parts(parts, body);
    let (page_request, same_origin) = if is_form {
        let (page_request, proof) = receive::post(shared, context, request, &page).await?;
        (page_request, Some(proof))
    } else {
        (receive::get(shared, context, request).await?, None)
    };
    if name.contains(char::is_control) {
        let unknown = Failed::new(Reason::PathUnknown, PageProblem::NotFound);
        return Err(respond(shared, &page_request, unknown));
    }
    let Some(person) = whose(shared, &page_request).cloned() else {
        let to = ReturnPage::Console(ConsolePath::of(&page));
        let begun = start::begin_account(&shared.flows, page_request.caller(), to).await;
        return Err(respond(shared, &page_request, begun));
    };
    if let Err(fault) = my_account::visited(&shared.flows, &person).await {
        return Err(respond(shared, &page_request, fault));
    }
    if let Some(same_origin) = same_origin {
        let (csrf, asked) = (page_request.csrf(), AccountPage::default());
        let form = AccountForm::check(&shared.flows, &same_origin, csrf, person.clone(), asked);
        if form.is_none() {
            let forged = Failed::new(Reason::FormForged, PageProblem::Forbidden);
            return Err(respond(shared, &page_request, forged));
        }
    }
    Ok(Sender { shared: Arc::clone(shared), page_request, person, page, name })
}

impl Sender {
    async fn visit<R: Right>(self) -> Result<Visit<R>, Response<Body>> {
        let (shared, page_request) = (&self.shared, &self.page_request);
        let roles = self.roles().await.map_err(|fault| respond(shared, page_request, fault))?;
        let (roles, has_second_factor) = roles.unwrap_or_default();
        if roles.is_empty() {
            let failed = Failed::new(Reason::AdminForbidden, PageProblem::NoRole);
            return Err(respond(shared, page_request, failed));
        }
        let authentication = &self.person.session.authentication;
        let two = authentication.proven_at(Acr::Two).map(|at| (Acr::Two, at));
        let (acr, at) = two.unwrap_or((Acr::One, authentication.auth_time(Acr::One)));
        let proven = Proven { acr, at, has_second_factor };
        let authority = Authority::person(&self.person.user.id, &roles, None, proven);
        let authority = authority.from(page_request.caller().origin.clone());
        let rights = Rights::every_of(roles.iter().map(|role| role.rights()));
        let now = shared.flows.clock.now();
        let may = match authority.may::<R>(now, shared.admin.proof_age) {
            Ok(may) => may,
            Err(why) => return Err(self.not_allowed(why).await),
        };
        let csrf = AccountForm::token(&shared.flows, &self.person);
        let Self { shared, page_request, person, name, .. } = self;
        Ok(Visit { shared, page_request, may, rights, person, authority, csrf, name })
    }

    async fn roles(&self) -> Result<Option<(Vec<AdminRole>, bool)>, Fault> {
        authority::standing(&*self.shared.flows.store, &self.person.user.id).await
    }

    /// Says that the person may not do this, or lets them prove who they are and come back.
    async fn not_allowed(&self, why: NotAllowed) -> Response<Body> {
        let (shared, page_request) = (&self.shared, &self.page_request);
        if let NotAllowed::Right(_) = why {
            let failed = Failed::new(Reason::AdminForbidden, PageProblem::NoRight);
            return respond(shared, page_request, failed);
        }
        let now = shared.flows.clock.now();
        let proven_at = self.person.session.authentication.auth_time(Acr::One);
        if why == NotAllowed::Strength && now - proven_at < JUST_NOW {
            // Only a passkey is stronger here, and the person has just used something else.
            let failed = Failed::new(Reason::AdminProofWeak, PageProblem::PasskeyNeeded);
            return respond(shared, page_request, failed);
        }
        let to = ReturnPage::Console(ConsolePath::of(&self.page));
        let (user, language) = (&self.person.user.id, page_request.language.as_str());
        let (flows, caller) = (&shared.flows, page_request.caller());
        respond(
            shared,
            page_request,
            start::begin_confirming(flows, caller, user, to, language).await,
        )
    }
}

/// Whoever proved something in this time is not asked for the same again.
const JUST_NOW: Duration = Duration::seconds(30);

impl<R> Visit<R> {
    /// What stands in the place of the parameter of the path.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A parameter of the query or a field of the form, without spaces around it. One with a NUL
    /// character, which the database refuses, counts as empty.
    pub(super) fn field<'a>(&'a self, name: &'a str) -> &'a str {
        let value = self.page_request.form.get(name).filter(|value| !value.contains('\0'));
        value.unwrap_or_default().trim()
    }

    /// The same, if it is there and not empty.
    pub(super) fn given<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        Some(self.field(name)).filter(|value| !value.is_empty())
    }

    /// A duration that was typed into this field, if there is something in it.
    pub(super) fn lifetime(&self, name: &str) -> Result<Option<Duration>, Refused> {
        let read = self.given(name).map(time::parse).transpose();
        read.map_err(|why| Refused::Invalid(format!("{name} {why}")))
    }

    /// The proof that the person may do something else, too.
    pub(super) fn may_also<Other: Right>(&self) -> Option<May<Other>> {
        let now = self.shared.flows.clock.now();
        self.authority.may(now, self.shared.admin.proof_age).ok()
    }

    /// The proof that the person may see clients and what belongs to them, too.
    pub(super) fn may_see_clients(&self) -> Result<May<ReadClients>, Refused> {
        let why = || Refused::Forbidden("you may not see clients".to_owned());
        self.may_also().ok_or_else(why)
    }

    /// The frame of the page.
    pub(super) fn frame(&self) -> Frame<'_> {
        self.page_request.frame(&self.shared)
    }

    /// The shell of a page.
    pub(super) fn shell(&self, section: ConsoleSection) -> ConsoleShell<'_> {
        let session = &self.person.session.id;
        ConsoleShell {
            csrf: &self.csrf,
            session: session.as_str(),
            person: person(&self.person),
            rights: self.rights,
            section,
            notice: flash_messages::at_console(&self.shared, &self.page_request, session),
        }
    }

    /// Shows a page.
    pub(super) fn show(&self, page: &ConsolePage<'_>) -> Answered {
        self.show_as(StatusCode::OK, page)
    }

    /// Shows a page with this status.
    #[expect(clippy::unnecessary_wraps, reason = "the end of every handler")]
    pub(super) fn show_as(&self, status: StatusCode, page: &ConsolePage<'_>) -> Answered {
        Ok(page::show(&self.shared, status, page, &self.page_request))
    }

    /// Redirects to a page, which says what was done.
    #[expect(clippy::unnecessary_wraps, reason = "the end of every handler")]
    pub(super) fn done(&self, path: &str, notice: ConsoleNotice) -> Answered {
        // Mails and logout notices may have been written.
        self.shared.flows.notices.nudge();
        let session = &self.person.session.id;
        let to = flash_messages::to_console(&self.shared, session, path, notice);
        Ok(page::see_other(&to))
    }

    /// A failure of ours.
    pub(super) fn fault(&self, fault: Fault) -> Response<Body> {
        respond(&self.shared, &self.page_request, fault)
    }

    /// Says why a use case was refused. The page leads back to this path.
    pub(super) fn refused(
        &self,
        section: ConsoleSection,
        path: &str,
        error: impl Into<Error<Refused>>,
    ) -> Response<Body> {
        let refused = match error.into() {
            Error::Refused(refused) => refused,
            Error::Fault(fault) => return self.fault(fault),
        };
        let status = logged(&refused);
        let shell = ConsoleShell { notice: None, ..self.shell(section) };
        let page = ConsolePage::refused(self.frame(), shell, &refused.to_string(), path);
        page::show(&self.shared, status, &page, &self.page_request)
    }

    /// The words and the status of a refusal, for a page that shows the form again.
    pub(super) fn problem(
        &self,
        error: impl Into<Error<Refused>>,
    ) -> Result<(StatusCode, String), Response<Body>> {
        match error.into() {
            Error::Refused(refused) => Ok((logged(&refused), refused.to_string())),
            Error::Fault(fault) => Err(self.fault(fault)),
        }
    }
}

/// Logs why a use case was refused; returns the status of the answer.
fn logged(refused: &Refused) -> StatusCode {
    let (reason, status) = match refused {
        Refused::NotFound(_) => (Reason::AdminUnknown, StatusCode::NOT_FOUND),
        Refused::Conflict(_) => (Reason::AdminConflict, StatusCode::CONFLICT),
        Refused::Changed => (Reason::AdminChanged, StatusCode::CONFLICT),
        Refused::Invalid(_) => (Reason::AdminInvalid, StatusCode::UNPROCESSABLE_ENTITY),
        Refused::Forbidden(_) => (Reason::AdminForbidden, StatusCode::FORBIDDEN),
        Refused::ProofOld(_) => (Reason::AdminProofOld, StatusCode::FORBIDDEN),
    };
    RefusedRequest::from(reason).log();
    status
}
