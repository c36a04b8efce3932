//! `UserStore`, for all SQL databases.

/// Implements `UserStore` for the store of a database. Parameters: how it binds a realm, and how it
/// begins the transaction of a sign-in.
macro_rules! user_store {
    ($store:ty, $database:ty, $realm:ident => $bound:expr, $this:ident => $begin:expr) => {
        const _: () = {
            use $crate::store::sql::sign_in;
            use $crate::store::sql::user::{self, SqlUser};
            use $crate::store::{
                Finding, Realm, SignIn, SignInOutcome, SignUps, StoreResult, Timestamp, TokenRef, UserStore,
            };

            impl<U: SqlUser<$database>> UserStore<U> for $store {
                async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
                    let arguments = user::with_email::<U, $database>(email)?;
                    let row = self.fetch_optional(sqlx::query_with(U::SELECT_BY_EMAIL, arguments)).await?;
                    Ok(user::read::<U, $database>(row.as_ref())?)
                }

                async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
                    let arguments = user::with_id::<U, $database>(id)?;
                    let row = self.fetch_optional(sqlx::query_with(U::SELECT_BY_ID, arguments)).await?;
                    user::exactly::<U, $database>(row.as_ref(), id)
                }

                async fn current_user(
                    &self,
                    $realm: &Realm,
                    id: &U::Id,
                    token: TokenRef,
                    now: Timestamp,
                ) -> StoreResult<Option<U>> {
                    let statement = sqlx::query_with(U::SELECT_CURRENT, user::with_id::<U, $database>(id)?)
                        .bind($bound)
                        .bind(token.session.as_bytes().as_slice())
                        .bind(token.token.as_bytes().as_slice())
                        .bind(token.subject.as_bytes().as_slice())
                        .bind(now.as_millis())
                        .bind(token.authenticated_at.as_millis());
                    let row = self.fetch_optional(statement).await?;
                    user::exactly::<U, $database>(row.as_ref(), id)
                }

                async fn sign_in(&self, realm: &Realm, asked: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
                    sign_in::sign_in::<U, $database, _, _>(
                        &|| {
                            let $this = self;
                            $begin
                        },
                        realm,
                        &asked,
                    )
                    .await
                }

                async fn check(&self, sign_ups: SignUps) -> StoreResult<Vec<Finding>> {
                    let mut findings = self.check_own_tables().await?;
                    if let Some(table) = U::table() {
                        findings.extend(self.check_users::<U>(&table, sign_ups).await?);
                    }
                    Ok(findings)
                }
            }
        };
    };
}
pub(super) use user_store;
