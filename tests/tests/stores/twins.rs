//! Tests shared by several servers. The module of a server defines the differences under the names
//! that the macros use.

/// Generates these tests for a server.
macro_rules! twins {
    (#[$ignored:meta] $test:ident $(,)?) => {
        $crate::twins::twin!($test #[$ignored]);
    };
    (#[$ignored:meta] $test:ident, $($more:ident),+ $(,)?) => {
        $crate::twins::twins!(#[$ignored] $test);
        $crate::twins::twins!(#[$ignored] $($more),+);
    };
}
pub(crate) use twins;

macro_rules! twin {
    (db_09_migrating_again_changes_nothing #[$ignored:meta]) => {
        #[tokio::test]
        #[$ignored]
        async fn db_09_migrating_again_changes_nothing() {
            let store = store(fresh_options().await).await;
            store.migrate().await.unwrap();
            let before = catalogue(&store).await;
            store.migrate().await.unwrap();
            assert_eq!(catalogue(&store).await, before);
            for table in ["otp_challenges", "otp_budgets", "otp_sessions", "token_blacklist", "_otp_auth_migrations"] {
                assert!(before.iter().any(|line| line.starts_with(table)), "{table}");
            }
        }
    };
    (several_processes_may_migrate_at_once #[$ignored:meta]) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[$ignored]
        async fn several_processes_may_migrate_at_once() {
            for _ in 0..5 {
                let options = fresh_options().await;
                let tasks: Vec<_> = (0..6)
                    .map(|_| {
                        let options = options.clone();
                        tokio::spawn(async move { store(options).await.migrate().await })
                    })
                    .collect();
                for task in tasks {
                    task.await.unwrap().unwrap();
                }
            }
        }
    };
    (db_09_a_database_of_the_first_version_is_upgraded_in_place #[$ignored:meta]) => {
        /// A database that the first version created and used, opened by two processes of this
        /// version concurrently.
        #[tokio::test]
        #[$ignored]
        async fn db_09_a_database_of_the_first_version_is_upgraded_in_place() {
            let options = fresh_options().await;
            let old = store(options.clone()).await;
            sqlx::raw_sql(FILES[0]).execute(old.pool()).await.unwrap();
            sqlx::raw_sql(ROWS_OF_THE_FIRST).execute(old.pool()).await.unwrap();
            let mut first = Migrator::with_migrations(vec![Migration::new(
                1,
                "otp auth".into(),
                MigrationType::Simple,
                FILES[0].into_sql_str(),
                false,
            )]);
            first.dangerous_set_table_name("_otp_auth_migrations");
            sqlx::raw_sql(RECORDS).execute(old.pool()).await.unwrap();
            let checksum = first.iter().next().unwrap().checksum.to_vec();
            sqlx::query(RECORD).bind(checksum).execute(old.pool()).await.unwrap();

            let (one, other) = (store(options.clone()).await, store(options).await);
            let (first, second) = tokio::join!(one.migrate(), other.migrate());
            first.unwrap();
            second.unwrap();
            // Rows that can open nothing any more are gone, and the store works.
            let left: i64 = sqlx::query_scalar(
                "SELECT (SELECT count(*) FROM otp_challenges) + (SELECT count(*) FROM otp_budgets) \
                 + (SELECT count(*) FROM otp_sessions) + (SELECT count(*) FROM token_blacklist)",
            )
            .fetch_one(one.pool())
            .await
            .unwrap();
            assert_eq!(left, 0);
            open(&one, 1).await;
            assert_eq!(other.count_attempt(realm(), &key(1), 7).await.unwrap().map(|counted| counted.number), Some(1));
        }
    };
    (the_shipped_file_makes_the_same_tables #[$ignored:meta]) => {
        #[tokio::test]
        #[$ignored]
        async fn the_shipped_file_makes_the_same_tables() {
            let migrated = store(fresh_options().await).await;
            migrated.migrate().await.unwrap();
            let by_file = store(fresh_options().await).await;
            for file in FILES {
                sqlx::raw_sql(file).execute(by_file.pool()).await.unwrap();
            }
            let ours = |lines: Vec<String>| {
                lines.into_iter().filter(|line| !line.contains("_otp_auth_migrations")).collect::<Vec<_>>()
            };
            assert_eq!(ours(catalogue(&migrated).await), ours(catalogue(&by_file).await));
        }
    };
    (time_zones_do_not_matter #[$ignored:meta]) => {
        /// Database sessions in other time zones agree to the millisecond.
        #[tokio::test]
        #[$ignored]
        async fn time_zones_do_not_matter() {
            let [west, east] = in_two_time_zones(&fresh_options().await);
            let (west, east) = (store(west).await, store(east).await);
            west.migrate().await.unwrap();
            sqlx::raw_sql(USERS).execute(west.pool()).await.unwrap();
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
    (a_user_that_the_application_adds_meanwhile_is_found #[$ignored:meta]) => {
        /// The application adds the user concurrently. Its unique index rejects ours, and the next
        /// attempt finds the application's.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[$ignored]
        async fn a_user_that_the_application_adds_meanwhile_is_found() {
            let store = store_with(USERS).await;
            sqlx::raw_sql("CREATE UNIQUE INDEX users_email ON users (email)").execute(store.pool()).await.unwrap();
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
    (no_sign_in_outlives_a_change_of_its_user #[$ignored:meta]) => {
        /// While a sign-in is in progress, the application deletes the user or changes the row's
        /// address, and revokes their sessions: that sign-in is revoked as well.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[$ignored]
        async fn no_sign_in_outlives_a_change_of_its_user() {
            for change in ["DELETE FROM users WHERE email = 'ann@x.com'", "UPDATE users SET email = 'new@x.com' WHERE id = 1"] {
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
                until("the change is made, or waits", || async { changing.is_finished() || is_held_up(&store, change).await })
                    .await;
                holding.commit().await.unwrap();
                signing_in.await.unwrap();
                changing.await.unwrap();
                assert_eq!(store.user_sessions(realm(), &ann.id.to_string(), NOW).await.unwrap(), [], "{change}");
            }
        }
    };
    (null_where_a_field_reads_none_and_a_column_takes_none_is_found #[$ignored:meta]) => {
        #[tokio::test]
        #[$ignored]
        async fn null_where_a_field_reads_none_and_a_column_takes_none_is_found() {
            let store = store_with(NULLABLE).await;
            assert_eq!(
                said::<Nullable>(&store).await,
                [
                    format!(
                        "column `plan` of `users` is NULL after a first sign-in, but its field of type `String` cannot read NULL: {}, or mark its field with `#[otp(default = …)]`, or make the field an `Option`",
                        set_default("plan")
                    ),
                    format!(
                        "column `tags` of `users` is NULL after a first sign-in, but its field of type `Option<Vec<String>>` cannot read NULL: {}, or mark its field with `#[otp(default = …)]`",
                        set_default("tags")
                    ),
                    "column `nick` of `users` does not allow NULL, but a first sign-in sets it to NULL, the default of its field: \
                     mark the field with `#[otp(default = Some(…))]`, or remove `default` from it, because the table has one"
                        .to_owned(),
                    "column `title` of `users` does not allow NULL, but a first sign-in sets it to NULL, the default of its field: \
                     mark the field with `#[otp(default = Some(…))]`"
                        .to_owned(),
                ]
            );
            open(&store, 1).await;
            assert!(store.sign_in(realm(), sign_up::<Nullable>(1, "ann@x.com")).await.is_err());
            assert_eq!(UserStore::<Nullable>::check(&store, SignUps::Closed).await.unwrap(), []);
            run(&store, NO_LONGER_NULLABLE).await;
            assert_eq!(said::<Nullable>(&store).await, [""; 0]);
            open(&store, 2).await;
            let outcome = store.sign_in(realm(), sign_up::<Nullable>(2, "bob@x.com")).await.unwrap();
            assert!(matches!(outcome, SignInOutcome::SignedIn { created: true, .. }));
        }
    };
    (an_index_with_what_the_filter_fixes_counts #[$ignored:meta]) => {
        #[tokio::test]
        #[$ignored]
        async fn an_index_with_what_the_filter_fixes_counts() {
            let store = store_with(
                "CREATE TABLE users (id VARCHAR(40) PRIMARY KEY, email VARCHAR(200) NOT NULL, tenant_id INT DEFAULT 7, \
                 deleted BOOLEAN DEFAULT FALSE, kind INT)",
            )
            .await;
            for (columns, counts) in [
                ("tenant_id, email", true),
                ("email, deleted, tenant_id", true),
                ("email, kind", false),
                ("email, tenant_id, kind", false),
            ] {
                run(&store, &format!("CREATE UNIQUE INDEX one ON users ({columns})")).await;
                let said = said::<OfTenant>(&store).await;
                assert_eq!(said.is_empty(), counts, "{columns}: {said:?}");
                run(&store, DROP_INDEX).await;
            }
        }
    };
}
pub(crate) use twin;
