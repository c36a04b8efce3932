//! The check at startup.

macro_rules! twin {
    (on_every_database $(#[$ignored:meta])?) => {
        $crate::twins::twins! {
            $(#[$ignored])?
            check:
            the_tables_of_the_documents_pass,
            an_empty_database_needs_both_kinds_of_tables,
            everything_that_is_wrong_is_in_one_list,
            only_an_index_that_holds_for_every_row_counts,
            every_table_column_and_index_of_ours_is_missed,
            a_primary_key_of_ours_is_missed,
            tables_of_a_newer_version_are_noticed,
            null_where_a_field_reads_none_and_a_column_takes_none_is_found,
            an_index_with_what_the_filter_fixes_counts,
        }
    };
    (the_tables_of_the_documents_pass $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn the_tables_of_the_documents_pass() {
            assert_eq!(said::<ReadmeUser>(&store_with(QUICKSTART).await).await, [""; 0]);
        }
    };
    (an_empty_database_needs_both_kinds_of_tables $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn an_empty_database_needs_both_kinds_of_tables() {
            assert_eq!(said::<Demanding>(&unmigrated(fresh_options().await).await).await, MISSING);
        }
    };
    (everything_that_is_wrong_is_in_one_list $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn everything_that_is_wrong_is_in_one_list() {
            let store = store_with(WRONG).await;
            assert_eq!(said::<Demanding>(&store).await, WRONG_IN);
            let mut findings = findings::<Demanding>(&store).await;
            findings.retain(|finding| finding.kind() != FindingKind::SignUp);
            assert_eq!(UserStore::<Demanding>::check(&store, SignUps::Closed).await.unwrap(), findings);
        }
    };
    (only_an_index_that_holds_for_every_row_counts $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn only_an_index_that_holds_for_every_row_counts() {
            for (index, instead) in INDEXES {
                let store = store_with(NOT_UNIQUE).await;
                store.run(index).await;
                let expected = instead.map(|(instead, near)| {
                    let otherwise = if instead.is_empty() { "" } else { OTHERWISE };
                    format!("column `email` of `users` has no unique index{instead}: {near}{otherwise}run `{UNIQUE}`")
                });
                assert_eq!(said::<User>(&store).await, expected.into_iter().collect::<Vec<_>>(), "{index}");
            }
        }
    };
    (every_table_column_and_index_of_ours_is_missed $(#[$ignored:meta])?) => {
        /// The check reports everything that the migrations create when it is missing.
        #[tokio::test]
        $(#[$ignored])?
        async fn every_table_column_and_index_of_ours_is_missed() {
            let store = settled(USERS).await;
            let columns: Vec<(String, String, String, String)> =
                sqlx::query_as(OUR_COLUMNS).fetch_all(store.pool()).await.unwrap();
            assert!(columns.len() > 30, "{columns:?}");
            for (table, column, hide, restore) in columns {
                store.run(&hide).await;
                let [finding] = &findings::<User>(&store).await[..] else { panic!("one finding for {table}.{column}") };
                assert_eq!(finding.kind(), FindingKind::Migration);
                let missing = format!("otp-auth's own tables are incomplete: no column `{table}.{column}`");
                assert_eq!(finding.problem(), missing);
                store.run(&restore).await;
            }
            let indexes: Vec<(String, String, String)> =
                sqlx::query_as(OUR_INDEXES).fetch_all(store.pool()).await.unwrap();
            assert!(indexes.len() >= FEWEST_INDEXES, "{indexes:?}");
            for (index, hide, restore) in indexes {
                store.run(&hide).await;
                assert_eq!(
                    said::<User>(&store).await,
                    [format!(
                        "otp-auth's own tables are incomplete: no index `{index}`: `migrate()` does not create it a second time; \
                         create it as in the `migrations` folder of otp-auth"
                    )]
                );
                store.run(&restore).await;
            }
            assert_eq!(said::<User>(&store).await, [""; 0]);
        }
    };
    (a_primary_key_of_ours_is_missed $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn a_primary_key_of_ours_is_missed() {
            let store = store_with(USERS).await;
            store.run(DROP_PRIMARY_KEY).await;
            let [finding] = &findings::<User>(&store).await[..] else { panic!("one finding") };
            assert!(finding.problem().ends_with("no primary key of `otp_budgets`"), "{finding}");
        }
    };
    (tables_of_a_newer_version_are_noticed $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn tables_of_a_newer_version_are_noticed() {
            let store = store_with(USERS).await;
            let newer = "INSERT INTO _otp_auth_migrations VALUES (17, 'x', CURRENT_TIMESTAMP, TRUE, '', 0)";
            store.run(newer).await;
            assert_eq!(
                said::<User>(&store).await,
                ["a newer version of otp-auth has applied migration 17, but this version knows only those up to 2: \
                  run the newer version"]
            );
        }
    };
    (a_filter_works_and_an_index_for_its_rows_counts $(#[$ignored:meta])?) => {
        /// An index over the rows that are users is enough, and so is one over more rows.
        #[tokio::test]
        $(#[$ignored])?
        async fn a_filter_works_and_an_index_for_its_rows_counts() {
            let store = store_with(PERSONS).await;
            assert_eq!(
                said::<Person>(&store).await,
                [
                    format!(
                        "the filter `deleted_at IS NULL AND kind = 'person'` fails on `users` \
                         ({NO_DELETED_AT}): correct `#[otp_user(filter = \"…\")]`"
                    ),
                    format!("column `email` of `users` has no unique index: run `{UNIQUE}`"),
                ]
            );
            for (index, instead) in INDEXES_OF_PERSONS {
                let store = store_with(PERSONS).await;
                store.run(ADD_DELETED_AT).await;
                store.run(&format!("CREATE UNIQUE INDEX one ON users {index}")).await;
                match (&findings::<Person>(&store).await[..], instead) {
                    ([], None) => {}
                    ([finding], Some(instead)) => assert!(finding.problem().ends_with(instead), "{finding}"),
                    (found, _) => panic!("{index}: {found:?}"),
                }
            }
        }
    };
    (null_where_a_field_reads_none_and_a_column_takes_none_is_found $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn null_where_a_field_reads_none_and_a_column_takes_none_is_found() {
            let store = store_with(NULLABLE).await;
            let plan = format!(
                "column `plan` of `users` is NULL after a first sign-in, but its field of type `String` cannot read NULL: {}, \
                 or mark its field with `#[otp(default = …)]`, or make the field an `Option`",
                set_default("plan")
            );
            let others = [
                format!(
                    "column `tags` of `users` is NULL after a first sign-in, but its field of type `Option<Vec<String>>` \
                     cannot read NULL: {}, or mark its field with `#[otp(default = …)]`",
                    set_default("tags")
                ),
                "column `nick` of `users` does not allow NULL, but a first sign-in sets it to NULL, the default of its field: \
                 mark the field with `#[otp(default = Some(…))]`, or remove `default` from it, because the table has one"
                    .to_owned(),
                "column `title` of `users` does not allow NULL, but a first sign-in sets it to NULL, the default of its field: \
                 mark the field with `#[otp(default = Some(…))]`"
                    .to_owned(),
            ];
            let expected: Vec<_> = (!NULL_IS_EMPTY_TEXT).then_some(plan).into_iter().chain(others).collect();
            assert_eq!(said::<Nullable>(&store).await, expected);
            open(&store, 1).await;
            assert!(store.sign_in(realm(), sign_up::<Nullable>(1, "ann@x.com")).await.is_err());
            assert_eq!(UserStore::<Nullable>::check(&store, SignUps::Closed).await.unwrap(), []);
            store.run(NO_LONGER_NULLABLE).await;
            assert_eq!(said::<Nullable>(&store).await, [""; 0]);
            open(&store, 2).await;
            let outcome = store.sign_in(realm(), sign_up::<Nullable>(2, "bob@x.com")).await.unwrap();
            assert!(matches!(outcome, SignInOutcome::SignedIn { created: true, .. }));
        }
    };
    (an_index_with_what_the_filter_fixes_counts $(#[$ignored:meta])?) => {
        #[tokio::test]
        $(#[$ignored])?
        async fn an_index_with_what_the_filter_fixes_counts() {
            let table = "CREATE TABLE users (id VARCHAR(40) PRIMARY KEY, email VARCHAR(200) NOT NULL, \
                         tenant_id INT DEFAULT 7, deleted BOOLEAN DEFAULT FALSE, kind INT)";
            for (columns, counts) in [
                ("tenant_id, email", true),
                ("email, deleted, tenant_id", true),
                ("email, kind", false),
                ("email, tenant_id, kind", false),
            ] {
                let store = store_with(table).await;
                store.run(&format!("CREATE UNIQUE INDEX one ON users ({columns})")).await;
                let said = said::<OfTenant>(&store).await;
                assert_eq!(said.is_empty(), counts, "{columns}: {said:?}");
            }
        }
    };
}
pub(crate) use twin;
