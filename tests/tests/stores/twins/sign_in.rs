//! Signing in, while the application and others use the same rows.

use otp_auth::OtpUser;

/// A user whose id is a name.
#[derive(Debug, OtpUser)]
#[otp_user(table = "users", stores(sqlite, postgres, mysql))]
pub(crate) struct Named {
    #[otp(id, generate = "Ann".to_owned())]
    pub(crate) id: String,
    #[otp(email)]
    pub(crate) email: String,
}

macro_rules! twin {
    (on_every_server $(#[$ignored:meta])?) => {
        $crate::twins::twins! {
            $(#[$ignored])?
            sign_in:
            time_zones_do_not_matter,
            a_user_that_the_application_adds_meanwhile_is_found,
            no_sign_in_outlives_a_change_of_its_user,
            no_other_address_is_verified_by_a_first_sign_in,
            a_deadlock_is_not_the_end_of_a_sign_in,
            a_call_may_be_dropped_at_every_moment,
            an_error_names_what_is_wrong_and_no_address,
            ids_are_compared_exactly,
        }
    };
    (time_zones_do_not_matter $(#[$ignored:meta])?) => {
        /// Database sessions in other time zones agree to the millisecond.
        #[tokio::test]
        $(#[$ignored])?
        async fn time_zones_do_not_matter() {
            let [west, east] = in_two_time_zones(&fresh_options().await);
            let (west, east) = (store(west).await, store(east).await);
            west.migrate().await.unwrap();
            west.run(USERS).await;
            open(&west, 1).await;
            let outcome = east.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.unwrap();
            let SignInOutcome::SignedIn { session, .. } = outcome else { panic!("no sign-in") };
            assert_eq!(west.session(realm(), session.id).await.unwrap(), Some(session.clone()));
            assert_eq!(session.created_at, NOW);
            let end = session.expires_at;
            for store in [&west, &east] {
                let last = Timestamp::from_millis(end.as_millis() - 1);
                assert_eq!(store.user_sessions(realm(), &session.user_id, last).await.unwrap().len(), 1);
                assert_eq!(store.user_sessions(realm(), &session.user_id, end).await.unwrap().len(), 0);
            }
        }
    };
    (a_user_that_the_application_adds_meanwhile_is_found $(#[$ignored:meta])?) => {
        /// The application adds the user concurrently. Its unique index rejects ours, and the next
        /// attempt finds the application's.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$ignored])?
        async fn a_user_that_the_application_adds_meanwhile_is_found() {
            let store = store_with(USERS).await;
            store.run("CREATE UNIQUE INDEX users_email ON users (email)").await;
            open(&store, 1).await;
            let mut application = application(&store).await;
            let mut adding = application.begin().await.unwrap();
            sqlx::query("INSERT INTO users (email, is_verified) VALUES ('ann@x.com', TRUE)")
                .execute(&mut *adding)
                .await
                .unwrap();
            let signing_in = tokio::spawn({
                let store = store.clone();
                async move { store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.unwrap() }
            });
            until("the sign-up waits", || is_waiting(&store, SIGN_UP)).await;
            adding.commit().await.unwrap();
            assert!(matches!(signing_in.await.unwrap(), SignInOutcome::AccountChanged));
            let added: User = store.user_by_email("ann@x.com").await.unwrap().unwrap();
            let outcome = store.sign_in(realm(), sign_in(1, existing(added.clone()))).await.unwrap();
            let SignInOutcome::SignedIn { user, created, .. } = outcome else { panic!("no sign-in") };
            assert_eq!((user, created), (added, false));
            assert_eq!(SERVER.count_users(&store, "ann@x.com").await, 1);
        }
    };
    (no_sign_in_outlives_a_change_of_its_user $(#[$ignored:meta])?) => {
        /// While a sign-in is in progress, the application deletes the user or changes the row's
        /// address, and revokes their sessions: that sign-in is revoked as well.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$ignored])?
        async fn no_sign_in_outlives_a_change_of_its_user() {
            for change in
                ["DELETE FROM users WHERE email = 'ann@x.com'", "UPDATE users SET email = 'new@x.com' WHERE id = 1"]
            {
                let store = store_with(USERS).await;
                let ann = SERVER.add_user(&store, "ann@x.com", true).await;
                let bob = SERVER.add_user(&store, "bob@x.com", true).await;
                open(&store, 2).await;
                let older = sign_in(2, existing(bob));
                let replaced = older.session.id;
                store.sign_in(realm(), older).await.unwrap();
                // It has read its user, and waits for the session that it replaces.
                let mut application = application(&store).await;
                let mut holding = application.begin().await.unwrap();
                sqlx::query("SELECT id FROM otp_sessions FOR UPDATE").fetch_all(&mut *holding).await.unwrap();
                open(&store, 1).await;
                let mut attempt = sign_in(1, existing(ann.clone()));
                attempt.replaces = Some(replaced);
                let signing_in = tokio::spawn({
                    let store = store.clone();
                    async move { store.sign_in(realm(), attempt).await.unwrap() }
                });
                until("the sign-in waits", || is_waiting(&store, REVOKING)).await;
                let changing = tokio::spawn({
                    let (store, id) = (store.clone(), ann.id.to_string());
                    async move {
                        sqlx::query(change).execute(store.pool()).await.unwrap();
                        store.revoke_user_sessions(realm(), &id, fixtures::revocation(NOW)).await.unwrap();
                    }
                });
                until("the change is made, or waits", || async {
                    changing.is_finished() || is_held_up(&store, change).await
                })
                .await;
                holding.commit().await.unwrap();
                signing_in.await.unwrap();
                changing.await.unwrap();
                assert_eq!(store.user_sessions(realm(), &ann.id.to_string(), NOW).await.unwrap(), [], "{change}");
            }
        }
    };
    (no_other_address_is_verified_by_a_first_sign_in $(#[$ignored:meta])?) => {
        /// While a user's first sign-in waits, the application changes the address of the row, or
        /// gives its id to another user: no one has verified that address.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$ignored])?
        async fn no_other_address_is_verified_by_a_first_sign_in() {
            for (users, change) in CHANGED_MEANWHILE {
                let store = store_with(users).await;
                store.run(ANN).await;
                let ann: User = store.user_by_email("ann@x.com").await.unwrap().unwrap();
                open(&store, 1).await;
                let mut application = application(&store).await;
                let mut changing = application.begin().await.unwrap();
                sqlx::raw_sql(change).execute(&mut *changing).await.unwrap();
                let signing_in = tokio::spawn({
                    let store = store.clone();
                    async move { store.sign_in(realm(), sign_in(1, existing(ann))).await.unwrap() }
                });
                until("the sign-in waits", || is_waiting(&store, LOCKING)).await;
                changing.commit().await.unwrap();
                let outcome = signing_in.await.unwrap();
                assert!(matches!(outcome, SignInOutcome::AccountChanged), "{change}: {outcome:?}");
                let eve: User = store.user_by_id(&7).await.unwrap().unwrap();
                assert_eq!((eve.email.as_str(), eve.is_verified), ("eve@x.com", false), "{change}");
                // Nothing has changed: the code still works.
                assert!(store.count_attempt(realm(), &key(1), otp_auth::store::Requester::Stranger, 7).await.unwrap().unwrap().code_mac.is_some());
                assert_eq!(store.user_sessions(realm(), "7", NOW).await.unwrap(), []);
            }
        }
    };
    (a_deadlock_is_not_the_end_of_a_sign_in $(#[$ignored:meta])?) => {
        /// A sign-in that the server chooses as the victim of a deadlock is retried.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$ignored])?
        async fn a_deadlock_is_not_the_end_of_a_sign_in() {
            let store = store_with(USERS).await;
            open(&store, 1).await;
            let mut application = application(&store).await;
            let mut other = application.begin().await.unwrap();
            sqlx::raw_sql(PREVAILING).execute(&mut *other).await.unwrap();
            sqlx::query("SELECT requester FROM otp_budgets FOR UPDATE").fetch_all(&mut *other).await.unwrap();
            let signing_in = tokio::spawn({
                let store = store.clone();
                async move { store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.unwrap() }
            });
            until("the sign-in waits", || is_waiting(&store, TURN)).await;
            sqlx::query("SELECT tries FROM otp_challenges FOR UPDATE").fetch_all(&mut *other).await.unwrap();
            other.commit().await.unwrap();
            assert!(matches!(signing_in.await.unwrap(), SignInOutcome::SignedIn { created: true, .. }));
        }
    };
    (a_call_may_be_dropped_at_every_moment $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn a_call_may_be_dropped_at_every_moment() {
            let options = fresh_options().await;
            let other = store(options.clone()).await;
            other.migrate().await.unwrap();
            other.run(USERS).await;
            let slow = slow_port(options.get_port()).await;
            let one = on_one_connection(options.host("127.0.0.1").port(slow)).await;
            drop_at_every_moment::<User, _>(&may_be_dropped(one), &may_be_dropped(other)).await;
        }
    };
    (an_error_names_what_is_wrong_and_no_address $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn an_error_names_what_is_wrong_and_no_address() {
            let store = store_with(USERS).await;
            store.run(CONSTRAINTS).await;
            for (number, equal, email, about) in VIOLATIONS {
                if let Some(equal) = equal {
                    SERVER.add_user(&store, equal, true).await;
                }
                open(&store, number).await;
                let error = store.sign_in(realm(), sign_up::<User>(number, email)).await.unwrap_err();
                let said = said(&error);
                assert!(about.iter().any(|about| said.contains(about)), "{said}");
                assert!(!said.to_lowercase().contains("x.com"), "{said}");
                // The code was not used up.
                let outcome = store.sign_in(realm(), sign_up::<User>(number, &format!("n{number}@y.com"))).await.unwrap();
                assert!(matches!(outcome, SignInOutcome::SignedIn { created: true, .. }));
            }
            for (change, about) in [
                ("ALTER TABLE users RENAME COLUMN is_verified TO verified", NO_COLUMN),
                ("DROP TABLE users", NO_TABLE),
            ] {
                store.run(change).await;
                let store = SERVER.reopen(&store).await;
                let error = UserStore::<User>::user_by_email(&store, "ann@x.com").await.unwrap_err();
                assert!(error.to_string().contains(about), "{error}");
            }
        }
    };
    (ids_are_compared_exactly $(#[$ignored:meta])?) => {
        /// Ids that the column considers equal belong to different users.
        #[tokio::test]
        $(#[$ignored])?
        async fn ids_are_compared_exactly() {
            let store = store_of_names().await;
            open(&store, 1).await;
            let outcome = store.sign_in(realm(), sign_up::<Named>(1, "ann@x.com")).await.unwrap();
            let SignInOutcome::SignedIn { user, session, .. } = outcome else { panic!("no sign-up") };
            assert_eq!((user.id.as_str(), user.email.as_str(), session.user_id.as_str()), ("Ann", "ann@x.com", "Ann"));
            let found = async |id: &str| {
                let (id, token) = (id.to_owned(), token(session.id));
                let by_id: Option<Named> = store.user_by_id(&id).await.unwrap();
                let current: Option<Named> = store.current_user(realm(), &id, token, NOW).await.unwrap();
                (by_id.is_some(), current.is_some(), store.user_sessions(realm(), &id, NOW).await.unwrap())
            };
            for other in ["ann", "ANN", "Ann ", "Ánn"] {
                assert_eq!(found(other).await, (false, false, vec![]), "{other:?}");
            }
            assert_eq!(found("Ann").await, (true, true, vec![session.clone()]));
        }
    };
}
pub(crate) use twin;
