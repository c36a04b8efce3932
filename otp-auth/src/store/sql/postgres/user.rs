//! The application's users in `PostgreSQL`.

use std::convert::identity;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgConnection, PgTypeInfo, Postgres};
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use super::super::row::session_ids;
use super::super::user::{SignInStatements, columns, same_statements};
use super::super::user_store::user_store;
use super::PostgresStore;
use super::sessions::{revoke, revoke_all};
use crate::challenge::budget::ALL_STRANGERS;
use crate::store::{Realm, Revocation, SessionId, SignIn};
use crate::user::OtpUser;

columns!(Postgres, sqlx::postgres::{PgArguments, PgRow});

user_store!(PostgresStore, Postgres, realm => realm.as_str(), store => async move { Ok(((), store.begin().await?)) });

impl SignInStatements for Postgres {
    const HAS_POLICIES: bool = true;

    same_statements!(PgConnection, identity);

    /// Also takes the turn: if there is no total to lock, inserts an empty one, which has the same
    /// effect as none.
    async fn accept_code<U: OtpUser>(
        connection: &mut PgConnection,
        realm: &Realm,
        sign_in: &SignIn<U>,
    ) -> Result<bool, Error> {
        let accepted = sqlx::query(
            "WITH accepted AS ( \
                 UPDATE otp_challenges SET consumed_at = $3, nonce = NULL, code_mac = NULL \
                 WHERE realm = $5 AND key = $1 AND code_mac = $2 AND consumed_at IS NULL AND expires_at > $3 AND identity = $4 \
                 RETURNING identity) \
             INSERT INTO otp_budgets \
                 (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
             SELECT $5, identity, $6, 0, 0, 0, 0, 0 FROM accepted \
             ON CONFLICT (realm, identity, requester) DO UPDATE SET failures = 0",
        )
        .bind(sign_in.challenge.as_bytes().as_slice())
        .bind(sign_in.code_mac.as_bytes().as_slice())
        .bind(sign_in.revocation.now.as_millis())
        .bind(sign_in.identity.as_bytes().as_slice())
        .bind(realm.as_str())
        .bind(i16::from(ALL_STRANGERS))
        .execute(connection)
        .await?;
        Ok(accepted.rows_affected() > 0)
    }

    async fn revoke(
        connection: &mut PgConnection,
        realm: &Realm,
        id: SessionId,
        revocation: Revocation,
    ) -> Result<bool, Error> {
        Ok(revoke(realm, id, revocation).fetch_one(connection).await?.try_get::<i64, _>(0)? > 0)
    }

    async fn revoke_all(
        connection: &mut PgConnection,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> Result<Vec<SessionId>, Error> {
        session_ids(&revoke_all(realm, user_id, revocation).fetch_all(connection).await?)
    }
}

/// Binds a value that is compared with a column.
///
/// Text is sent without a type, so it gets the type of the column. As `text` it would not equal
/// what was read from a `character(n)` column, which is padded, nor what a `citext` column
/// considers equal.
///
/// # Errors
///
/// If the value cannot be encoded.
pub fn bind_compared<'t, T>(arguments: &mut Arguments, value: T) -> Result<(), Error>
where
    T: sqlx::Encode<'t, Postgres> + sqlx::Type<Postgres>,
{
    bind(arguments, Compared(value))
}

/// A value that gets the type of what it is compared with, if it is text.
struct Compared<T>(T);

impl<T> Compared<T> {
    fn of(own: PgTypeInfo) -> PgTypeInfo {
        const UNKNOWN: Oid = Oid(705);
        if own == <str as sqlx::Type<Postgres>>::type_info() { PgTypeInfo::with_oid(UNKNOWN) } else { own }
    }
}

impl<T: sqlx::Type<Postgres>> sqlx::Type<Postgres> for Compared<T> {
    fn type_info() -> PgTypeInfo {
        Self::of(T::type_info())
    }
}

impl<'t, T: sqlx::Encode<'t, Postgres>> sqlx::Encode<'t, Postgres> for Compared<T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.0.encode_by_ref(buffer)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        self.0.produces().map(Self::of)
    }
}

/// Reads a column of type `jsonb` or `json`, or of JSON text.
///
/// # Errors
///
/// If the value is not JSON of this type.
pub fn get_json<T: serde::de::DeserializeOwned>(row: &Row, index: usize) -> Result<T, Error> {
    let is_text = {
        let raw = row.try_get_raw(index)?;
        let kind = raw.type_info();
        !kind.is_null() && <String as sqlx::Type<Postgres>>::compatible(&kind)
    };
    if !is_text {
        return row.try_get(index).map(|sqlx::types::Json(value)| value);
    }
    let text: &str = row.try_get(index)?;
    serde_json::from_str(text).map_err(|error| Error::ColumnDecode { index: index.to_string(), source: error.into() })
}

#[cfg(test)]
mod tests {
    use sqlx::{Arguments as _, Encode as _, Type};

    use super::*;

    #[test]
    fn compared_text_has_the_type_of_its_column() {
        let (text, number) = (Compared(None::<String>), Compared(None::<i64>));
        assert_eq!(<Compared<String> as Type<Postgres>>::type_info(), PgTypeInfo::with_oid(Oid(705)));
        assert_eq!(text.produces(), Some(PgTypeInfo::with_oid(Oid(705))));
        assert_eq!(number.produces(), Some(<i64 as Type<Postgres>>::type_info()));
        let mut arguments = Arguments::default();
        bind_compared(&mut arguments, "ann").unwrap();
        assert_eq!(arguments.len(), 1);
    }
}
