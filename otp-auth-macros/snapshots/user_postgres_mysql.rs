/// The claims that an access token carries for a [`User`].
#[allow(
    non_camel_case_types,
    private_interfaces,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
#[derive(
    ::core::clone::Clone,
    ::core::fmt::Debug,
    ::otp_auth::__private::serde::Serialize,
    ::otp_auth::__private::serde::Deserialize,
)]
#[serde(crate = "::otp_auth::__private::serde")]
struct UserClaims {}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::OtpUser for User {
    type Id = Uuid;
    type Claims = UserClaims;
    const CHECKED: ::core::primitive::bool = ::otp_auth::__private::shared::<Self>();
    fn id(&self) -> &Self::Id {
        &self.id
    }
    fn email(&self) -> &::core::primitive::str {
        ::otp_auth::__private::AddressField::text(&self.email)
    }
    fn claims(&self) -> Self::Claims {
        UserClaims {}
    }
    fn verified(&self) -> ::core::option::Option<::core::primitive::bool> {
        ::core::option::Option::Some(self.is_verified)
    }
    fn mark_verified(&mut self, _: ::otp_auth::__private::Timestamp) {
        self.is_verified = true;
    }
    fn default_realm() -> &'static ::core::primitive::str {
        "app.the \"users`"
    }
}
#[automatically_derived]
impl ::otp_auth::__private::VerifiableUser for User {}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::postgres::SqlUser<::otp_auth::__private::postgres::Database>
for User {
    const SELECT_BY_ID: &'static ::core::primitive::str = "SELECT \"app\".\"the \"\"users`\".\"id\", \"app\".\"the \"\"users`\".\"email\", \"app\".\"the \"\"users`\".\"is_verified\", \"app\".\"the \"\"users`\".\"tags\" FROM \"app\".\"the \"\"users`\" WHERE \"app\".\"the \"\"users`\".\"id\" = $1";
    const SELECT_CURRENT: &'static ::core::primitive::str = "SELECT \"app\".\"the \"\"users`\".\"id\", \"app\".\"the \"\"users`\".\"email\", \"app\".\"the \"\"users`\".\"is_verified\", \"app\".\"the \"\"users`\".\"tags\" FROM \"app\".\"the \"\"users`\" WHERE \"app\".\"the \"\"users`\".\"id\" = $1 AND NOT EXISTS (SELECT 1 FROM \"token_blacklist\" WHERE \"token_blacklist\".\"realm\" = $2 AND \"token_blacklist\".\"id\" IN ($3, $4, $5) AND \"token_blacklist\".\"expires_at\" > $6 AND (\"token_blacklist\".\"type\" <> 'user' OR \"token_blacklist\".\"blacklisted_at\" > $7))";
    const SELECT_BY_EMAIL: &'static ::core::primitive::str = "SELECT \"app\".\"the \"\"users`\".\"id\", \"app\".\"the \"\"users`\".\"email\", \"app\".\"the \"\"users`\".\"is_verified\", \"app\".\"the \"\"users`\".\"tags\" FROM \"app\".\"the \"\"users`\" WHERE \"app\".\"the \"\"users`\".\"email\" = $1 AND \"app\".\"the \"\"users`\".\"email\"::text COLLATE \"C\" = $1::text AND \"app\".\"the \"\"users`\".\"id\" IS NOT NULL LIMIT 1";
    const SELECT_LOCKED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "SELECT \"app\".\"the \"\"users`\".\"id\", \"app\".\"the \"\"users`\".\"email\", \"app\".\"the \"\"users`\".\"is_verified\", \"app\".\"the \"\"users`\".\"tags\" FROM \"app\".\"the \"\"users`\" WHERE \"app\".\"the \"\"users`\".\"id\" = $1 AND \"app\".\"the \"\"users`\".\"email\" = $2 AND \"app\".\"the \"\"users`\".\"email\"::text COLLATE \"C\" = $2::text FOR NO KEY UPDATE",
    );
    const INSERT: &'static ::core::primitive::str = "INSERT INTO \"app\".\"the \"\"users`\" (\"id\", \"email\", \"is_verified\", \"tags\") VALUES ($1, $2, TRUE, $3)";
    const MARK_VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "UPDATE \"app\".\"the \"\"users`\" SET \"is_verified\" = TRUE WHERE \"id\" = $1 AND \"is_verified\" IS NOT TRUE",
    );
    fn from_row(
        row: &::otp_auth::__private::postgres::Row,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::postgres::Error,
    > {
        if ::otp_auth::__private::postgres::is_null(row, 0usize)?
            || ::otp_auth::__private::postgres::is_null(row, 1usize)?
        {
            return ::core::result::Result::Ok(::core::option::Option::None);
        }
        ::core::result::Result::Ok(
            ::core::option::Option::Some(Self {
                id: <Uuid as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::postgres::Database,
                >>::get(row, 0usize)?,
                email: <String as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::postgres::Database,
                >>::get(row, 1usize)?,
                is_verified: <bool as ::otp_auth::__private::Column<
                    ::otp_auth::__private::postgres::Database,
                >>::get_or_default(row, 2usize)?,
                tags: ::otp_auth::__private::postgres::get_json::<
                    Vec<String>,
                >(row, 3usize)?,
            }),
        )
    }
    fn bind_id(
        id: &Self::Id,
        arguments: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        <Uuid as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::postgres::Database,
        >>::bind_compared(::core::clone::Clone::clone(id), arguments)
    }
    fn bind_email(
        email: &::core::primitive::str,
        arguments: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        <String as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::postgres::Database,
        >>::bind_compared(::core::convert::From::from(email), arguments)
    }
    fn bind_new(
        email: &::core::primitive::str,
        now: ::otp_auth::__private::Timestamp,
        arguments: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        <Uuid as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::postgres::Database,
        >>::bind(Uuid::now_v7(), arguments)?;
        <String as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::postgres::Database,
        >>::bind(::core::convert::From::from(email), arguments)?;
        ::otp_auth::__private::postgres::bind_json::<
            Vec<String>,
        >(arguments, ::core::default::Default::default())?;
        ::core::result::Result::Ok(())
    }
    fn bind_proof(
        id: &Self::Id,
        now: ::otp_auth::__private::Timestamp,
        arguments: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        <Self as ::otp_auth::__private::postgres::SqlUser<
            ::otp_auth::__private::postgres::Database,
        >>::bind_id(id, arguments)?;
        ::core::result::Result::Ok(())
    }
    fn table() -> ::core::option::Option<::otp_auth::__private::postgres::Table> {
        #[allow(unused_imports)]
        use ::otp_auth::__private::postgres::Unknown as _;
        ::core::option::Option::Some(::otp_auth::__private::postgres::Table {
            schema: ::core::option::Option::Some("app"),
            name: "the \"users`",
            quoted: "\"app\".\"the \"\"users`\"",
            id: "id",
            email: "email",
            verified: ::core::option::Option::Some("is_verified"),
            filter: ::core::option::Option::None,
            columns: ::core::convert::From::from([
                ::otp_auth::__private::postgres::Column {
                    name: "id",
                    quoted: "\"id\"",
                    probe: "SELECT \"app\".\"the \"\"users`\".\"id\" FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN \"app\".\"the \"\"users`\" ON 1 = 0",
                    given: ::otp_auth::__private::postgres::Given::Value,
                    field: ::otp_auth::__private::postgres::FieldOf::<Uuid>::new()
                        .describe(),
                },
                ::otp_auth::__private::postgres::Column {
                    name: "email",
                    quoted: "\"email\"",
                    probe: "SELECT \"app\".\"the \"\"users`\".\"email\" FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN \"app\".\"the \"\"users`\" ON 1 = 0",
                    given: ::otp_auth::__private::postgres::Given::Value,
                    field: ::otp_auth::__private::postgres::FieldOf::<String>::new()
                        .describe(),
                },
                ::otp_auth::__private::postgres::Column {
                    name: "is_verified",
                    quoted: "\"is_verified\"",
                    probe: "SELECT \"app\".\"the \"\"users`\".\"is_verified\" FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN \"app\".\"the \"\"users`\" ON 1 = 0",
                    given: ::otp_auth::__private::postgres::Given::Value,
                    field: ::otp_auth::__private::postgres::FieldOf::<bool>::new()
                        .describe(),
                },
                ::otp_auth::__private::postgres::Column {
                    name: "tags",
                    quoted: "\"tags\"",
                    probe: "SELECT \"app\".\"the \"\"users`\".\"tags\" FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN \"app\".\"the \"\"users`\" ON 1 = 0",
                    given: ::otp_auth::__private::postgres::Given::Default,
                    field: ::otp_auth::__private::postgres::FieldOf::<Vec<String>>::new()
                        .describe_json(),
                },
            ]),
        })
    }
}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::mysql::SqlUser<::otp_auth::__private::mysql::Database>
for User {
    const SELECT_BY_ID: &'static ::core::primitive::str = "SELECT `app`.`the \"users```.`id`, `app`.`the \"users```.`email`, `app`.`the \"users```.`is_verified`, `app`.`the \"users```.`tags` FROM `app`.`the \"users``` WHERE `app`.`the \"users```.`id` = ?";
    const SELECT_CURRENT: &'static ::core::primitive::str = "SELECT `app`.`the \"users```.`id`, `app`.`the \"users```.`email`, `app`.`the \"users```.`is_verified`, `app`.`the \"users```.`tags` FROM `app`.`the \"users``` WHERE `app`.`the \"users```.`id` = ? AND NOT EXISTS (SELECT 1 FROM `token_blacklist` WHERE `token_blacklist`.`realm` = ? AND `token_blacklist`.`id` IN (?, ?, ?) AND `token_blacklist`.`expires_at` > ? AND (`token_blacklist`.`type` <> 'user' OR `token_blacklist`.`blacklisted_at` > ?))";
    const SELECT_BY_EMAIL: &'static ::core::primitive::str = "SELECT `app`.`the \"users```.`id`, `app`.`the \"users```.`email`, `app`.`the \"users```.`is_verified`, `app`.`the \"users```.`tags` FROM `app`.`the \"users``` WHERE `app`.`the \"users```.`email` = ? AND CAST(CONVERT(`app`.`the \"users```.`email` USING utf8mb4) AS BINARY) <=> CAST(CONVERT(? USING utf8mb4) AS BINARY) AND `app`.`the \"users```.`id` IS NOT NULL LIMIT 1";
    const SELECT_LOCKED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "SELECT `app`.`the \"users```.`id`, `app`.`the \"users```.`email`, `app`.`the \"users```.`is_verified`, `app`.`the \"users```.`tags` FROM `app`.`the \"users``` WHERE `app`.`the \"users```.`id` = ? AND `app`.`the \"users```.`email` = ? AND CAST(CONVERT(`app`.`the \"users```.`email` USING utf8mb4) AS BINARY) <=> CAST(CONVERT(? USING utf8mb4) AS BINARY) LOCK IN SHARE MODE",
    );
    const INSERT: &'static ::core::primitive::str = "INSERT INTO `app`.`the \"users``` (`id`, `email`, `is_verified`, `tags`) VALUES (?, ?, TRUE, ?)";
    const MARK_VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "UPDATE `app`.`the \"users``` SET `is_verified` = TRUE WHERE `id` = ? AND `is_verified` IS NOT TRUE",
    );
    fn from_row(
        row: &::otp_auth::__private::mysql::Row,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::mysql::Error,
    > {
        if ::otp_auth::__private::mysql::is_null(row, 0usize)?
            || ::otp_auth::__private::mysql::is_null(row, 1usize)?
        {
            return ::core::result::Result::Ok(::core::option::Option::None);
        }
        ::core::result::Result::Ok(
            ::core::option::Option::Some(Self {
                id: <Uuid as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::mysql::Database,
                >>::get(row, 0usize)?,
                email: <String as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::mysql::Database,
                >>::get(row, 1usize)?,
                is_verified: <bool as ::otp_auth::__private::Column<
                    ::otp_auth::__private::mysql::Database,
                >>::get_or_default(row, 2usize)?,
                tags: ::otp_auth::__private::mysql::get_json::<Vec<String>>(row, 3usize)?,
            }),
        )
    }
    fn bind_id(
        id: &Self::Id,
        arguments: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        <Uuid as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::mysql::Database,
        >>::bind_compared(::core::clone::Clone::clone(id), arguments)
    }
    fn bind_email(
        email: &::core::primitive::str,
        arguments: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        <String as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::mysql::Database,
        >>::bind_compared(::core::convert::From::from(email), arguments)
    }
    fn bind_new(
        email: &::core::primitive::str,
        now: ::otp_auth::__private::Timestamp,
        arguments: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        <Uuid as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::mysql::Database,
        >>::bind(Uuid::now_v7(), arguments)?;
        <String as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::mysql::Database,
        >>::bind(::core::convert::From::from(email), arguments)?;
        ::otp_auth::__private::mysql::bind_json::<
            Vec<String>,
        >(arguments, ::core::default::Default::default())?;
        ::core::result::Result::Ok(())
    }
    fn bind_proof(
        id: &Self::Id,
        now: ::otp_auth::__private::Timestamp,
        arguments: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        <Self as ::otp_auth::__private::mysql::SqlUser<
            ::otp_auth::__private::mysql::Database,
        >>::bind_id(id, arguments)?;
        ::core::result::Result::Ok(())
    }
    fn table() -> ::core::option::Option<::otp_auth::__private::mysql::Table> {
        #[allow(unused_imports)]
        use ::otp_auth::__private::mysql::Unknown as _;
        ::core::option::Option::Some(::otp_auth::__private::mysql::Table {
            schema: ::core::option::Option::Some("app"),
            name: "the \"users`",
            quoted: "`app`.`the \"users```",
            id: "id",
            email: "email",
            verified: ::core::option::Option::Some("is_verified"),
            filter: ::core::option::Option::None,
            columns: ::core::convert::From::from([
                ::otp_auth::__private::mysql::Column {
                    name: "id",
                    quoted: "`id`",
                    probe: "SELECT `app`.`the \"users```.`id` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `app`.`the \"users``` ON 1 = 0",
                    given: ::otp_auth::__private::mysql::Given::Value,
                    field: ::otp_auth::__private::mysql::FieldOf::<Uuid>::new()
                        .describe(),
                },
                ::otp_auth::__private::mysql::Column {
                    name: "email",
                    quoted: "`email`",
                    probe: "SELECT `app`.`the \"users```.`email` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `app`.`the \"users``` ON 1 = 0",
                    given: ::otp_auth::__private::mysql::Given::Value,
                    field: ::otp_auth::__private::mysql::FieldOf::<String>::new()
                        .describe(),
                },
                ::otp_auth::__private::mysql::Column {
                    name: "is_verified",
                    quoted: "`is_verified`",
                    probe: "SELECT `app`.`the \"users```.`is_verified` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `app`.`the \"users``` ON 1 = 0",
                    given: ::otp_auth::__private::mysql::Given::Value,
                    field: ::otp_auth::__private::mysql::FieldOf::<bool>::new()
                        .describe(),
                },
                ::otp_auth::__private::mysql::Column {
                    name: "tags",
                    quoted: "`tags`",
                    probe: "SELECT `app`.`the \"users```.`tags` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `app`.`the \"users``` ON 1 = 0",
                    given: ::otp_auth::__private::mysql::Given::Default,
                    field: ::otp_auth::__private::mysql::FieldOf::<Vec<String>>::new()
                        .describe_json(),
                },
            ]),
        })
    }
}
