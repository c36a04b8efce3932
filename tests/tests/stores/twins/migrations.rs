//! Creating and updating the tables.

/// What the first version may have left in a database, except the checksum of its migration.
pub(crate) const LEFT_BY_THE_FIRST: &str = "INSERT INTO otp_challenges VALUES (x'01', x'02', x'03', x'04', 0, 1, 9999999999999, NULL); \
     INSERT INTO otp_budgets VALUES (x'02', 0, 1, 1, 1, 1, 1); \
     INSERT INTO otp_sessions VALUES (x'05', '1', 3, 1, 1, 9999999999999, NULL, 'Agent', NULL); \
     INSERT INTO token_blacklist VALUES (x'06', 'token', 1, 9999999999999); \
     CREATE TABLE _otp_auth_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
     installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
     checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";
/// Records its migration.
pub(crate) const RECORD: &str = "INSERT INTO _otp_auth_migrations (version, description, success, checksum, execution_time) \
                                 VALUES (1, 'otp auth', TRUE, ?, 0)";

macro_rules! twin {
    (on_every_database $(#[$ignored:meta])?) => {
        $crate::twins::twins! {
            $(#[$ignored])?
            migrations:
            db_09_migrating_again_changes_nothing,
            several_processes_may_migrate_at_once,
            db_09_a_database_of_the_first_version_is_upgraded_in_place,
            the_shipped_file_makes_the_same_tables,
            a_migration_that_fails_can_be_run_again,
        }
    };
    (db_09_migrating_again_changes_nothing $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn db_09_migrating_again_changes_nothing() {
            let store = store(fresh_options().await).await;
            store.migrate().await.unwrap();
            let before = catalogue(&store).await;
            store.migrate().await.unwrap();
            assert_eq!(catalogue(&store).await, before);
            for table in ["otp_challenges", "otp_budgets", "otp_sessions", "token_blacklist", "_otp_auth_migrations"] {
                assert!(before.iter().any(|line| line.split(' ').next() == Some(table)), "{table}");
            }
        }
    };
    (several_processes_may_migrate_at_once $(#[$ignored:meta])?) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$ignored])?
        async fn several_processes_may_migrate_at_once() {
            for _ in 0..10 {
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
                open(&store(options).await, 1).await;
            }
        }
    };
    (db_09_a_database_of_the_first_version_is_upgraded_in_place $(#[$ignored:meta])?) => {
        /// A database that the first version created and used, opened by two processes of this
        /// version concurrently.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$ignored])?
        async fn db_09_a_database_of_the_first_version_is_upgraded_in_place() {
            let options = fresh_options().await;
            let old = store(options.clone()).await;
            old.run(FILES[0]).await;
            old.run(LEFT_BY_THE_FIRST).await;
            let first = Migration::new(1, "otp auth".into(), MigrationType::Simple, FILES[0].into_sql_str(), false);
            sqlx::query(RECORD).bind(first.checksum.to_vec()).execute(old.pool()).await.unwrap();
            old.pool().close().await;

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
            assert_eq!(other.count_attempt(realm(), &key(1), otp_auth::store::Requester::Stranger, 7).await.unwrap().map(|counted| counted.number), Some(1));
        }
    };
    (the_shipped_file_makes_the_same_tables $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn the_shipped_file_makes_the_same_tables() {
            let migrated = store(fresh_options().await).await;
            migrated.migrate().await.unwrap();
            let by_file = store(fresh_options().await).await;
            for file in FILES {
                by_file.run(file).await;
            }
            let ours = |lines: Vec<String>| {
                lines.into_iter().filter(|line| !line.contains("_otp_auth_migrations")).collect::<Vec<_>>()
            };
            assert_eq!(ours(catalogue(&migrated).await), ours(catalogue(&by_file).await));
        }
    };
    (the_migrations_of_the_application_run_beside_ours $(#[$ignored:meta])?) => {
        /// The application has its own sqlx migrations, with the same version number as ours, and
        /// runs them concurrently.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$ignored])?
        async fn the_migrations_of_the_application_run_beside_ours() {
            let options = fresh_options().await;
            let tasks: Vec<_> = (0..6)
                .map(|process| {
                    let options = options.clone();
                    tokio::spawn(async move {
                        let store = store(options).await;
                        if has_migrations(process) {
                            let own = Migration::new(1, "own".into(), MigrationType::Simple, USERS.into_sql_str(), false);
                            Migrator::with_migrations(vec![own]).run(store.pool()).await.unwrap();
                        }
                        store.migrate().await.unwrap();
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            let store = store(options).await;
            let own: Vec<String> =
                sqlx::query_scalar("SELECT description FROM _sqlx_migrations").fetch_all(store.pool()).await.unwrap();
            let ours: Vec<String> =
                sqlx::query_scalar("SELECT description FROM _otp_auth_migrations").fetch_all(store.pool()).await.unwrap();
            assert_eq!((own, ours), (vec!["own".to_owned()], vec!["otp auth".to_owned(), "realms".to_owned()]));
        }
    };
    (a_migration_that_fails_can_be_run_again $(#[$ignored:meta])?) => {
        /// After an error, nothing prevents the next attempt: no lock, and no part of the first.
        #[tokio::test]
        $(#[$ignored])?
        async fn a_migration_that_fails_can_be_run_again() {
            let options = fresh_options().await;
            let first = store(options.clone()).await;
            let (block, name, unblock) = IN_THE_WAY;
            first.run(block).await;
            let error = first.migrate().await.unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            let second = store(options).await;
            second.run(unblock).await;
            tokio::time::timeout(Duration::from_secs(5), second.migrate()).await.unwrap().unwrap();
        }
    };
}
pub(crate) use twin;
