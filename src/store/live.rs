//! Whether access tokens are still valid. One statement answers many questions, and always from the
//! database, so a revocation takes effect at once.

use std::collections::{HashMap, HashSet};

use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query, UnionType};

use super::cause::while_doing;
use super::reader::Reader;
use super::{families, revoked_access_tokens, users};
use crate::domain::family::FamilyId;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

/// The question whether an access token is still valid.
#[derive(Clone, Debug)]
pub struct LivenessQuestion {
    /// Its `jti`.
    pub jti: String,
    /// The family of the token; `None` for a client's own token.
    pub family: Option<FamilyId>,
}

/// The data of an access token that is still valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenStanding {
    /// The person behind its family.
    pub user: Option<UserId>,
    /// The issuer of the provider with which its person signed in.
    pub provider_issuer: Option<String>,
}

/// For each question, whether the token is not revoked, its family is not revoked and its person is
/// enabled. The caller checks the expiry, which is in the token. A row that cannot be read is a
/// fault of its own question only.
pub async fn are_live(
    reader: &impl Reader,
    questions: &[LivenessQuestion],
) -> Result<Vec<Result<Option<TokenStanding>, Fault>>, Fault> {
    use families::entity as family;
    use revoked_access_tokens::entity as revoked;
    use users::entity as account;

    let jtis = questions.iter().map(|question| question.jti.as_str());
    let mut statement = Query::select()
        .expr_as(Expr::col((revoked::Entity, revoked::Column::Jti)), "id")
        .expr_as(Expr::value(1_i64), "is_revoked")
        .expr_as(Expr::value(Option::<String>::None).cast_as("TEXT"), "provider_issuer")
        .expr_as(Expr::value(Option::<String>::None).cast_as("TEXT"), "user_id")
        .from(revoked::Entity)
        .and_where(Expr::col((revoked::Entity, revoked::Column::Jti)).is_in(jtis))
        .to_owned();
    let of = |question: &LivenessQuestion| {
        question.family.as_ref().map(|family| family.as_str().to_owned())
    };
    let wanted: Vec<String> = questions.iter().filter_map(of).collect();
    if !wanted.is_empty() {
        let live = Query::select()
            .column((family::Entity, family::Column::Id))
            .expr(Expr::value(0_i64))
            .column((family::Entity, family::Column::ProviderIssuer))
            .column((family::Entity, family::Column::UserId))
            .from(family::Entity)
            .join(
                JoinType::InnerJoin,
                account::Entity,
                Expr::col((family::Entity, family::Column::UserId))
                    .equals((account::Entity, account::Column::Id)),
            )
            .and_where(Expr::col((family::Entity, family::Column::Id)).is_in(wanted))
            .and_where(Expr::col((family::Entity, family::Column::RevokedAt)).is_null())
            .and_where(Expr::col((account::Entity, account::Column::DisabledAt)).is_null())
            .and_where(Expr::col((account::Entity, account::Column::DeletionAt)).is_null())
            .to_owned();
        statement.union(UnionType::All, live);
    }
    let read = while_doing("asking whether tokens are live");
    let rows = reader.connection().query_all(&statement).await.map_err(&read)?;
    let mut revoked = HashSet::new();
    let mut families = HashMap::new();
    for row in rows {
        let id: String = row.try_get("", "id").map_err(&read)?;
        let is_revoked: i64 = row.try_get("", "is_revoked").map_err(&read)?;
        if is_revoked == 1 {
            revoked.insert(id);
        } else {
            let standing = || {
                let user: Option<String> = row.try_get("", "user_id").map_err(&read)?;
                let provider_issuer = row.try_get("", "provider_issuer").map_err(&read)?;
                Ok(TokenStanding { user: user.map(UserId::from_stored), provider_issuer })
            };
            families.insert(id, standing());
        }
    }
    let stands = |question: &LivenessQuestion| {
        if revoked.contains(&question.jti) {
            return Ok(None);
        }
        match &question.family {
            Some(id) => families.get(id.as_str()).cloned().transpose(),
            None => Ok(Some(TokenStanding::default())),
        }
    };
    Ok(questions.iter().map(stands).collect())
}
