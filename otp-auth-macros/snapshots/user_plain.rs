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
struct UserClaims {
    /// The name that others see.
    #[serde(default, skip_serializing_if = "::core::option::Option::is_none")]
    pub username: Option<String>,
}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::OtpUser for User {
    type Id = i64;
    type Claims = UserClaims;
    const CHECKED: ::core::primitive::bool = ::otp_auth::__private::shared::<Self>();
    fn id(&self) -> &Self::Id {
        &self.id
    }
    fn email(&self) -> &::core::primitive::str {
        ::otp_auth::__private::AddressField::text(&self.email)
    }
    fn claims(&self) -> Self::Claims {
        UserClaims {
            username: ::core::clone::Clone::clone(&self.username),
        }
    }
    fn verified(&self) -> ::core::option::Option<::core::primitive::bool> {
        ::core::option::Option::Some(self.is_verified)
    }
    fn mark_verified(&mut self, _: ::otp_auth::__private::Timestamp) {
        self.is_verified = true;
    }
    fn default_realm() -> &'static ::core::primitive::str {
        "users"
    }
}
#[automatically_derived]
impl ::otp_auth::__private::VerifiableUser for User {}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::sqlite::SqlUser<::otp_auth::__private::sqlite::Database>
for User {
    const SELECT_BY_ID: &'static ::core::primitive::str = "SELECT `users`.`id`, `users`.`email`, `users`.`is_verified`, `users`.`username` FROM `users` WHERE `users`.`id` = ?1";
    const SELECT_CURRENT: &'static ::core::primitive::str = "SELECT `users`.`id`, `users`.`email`, `users`.`is_verified`, `users`.`username` FROM `users` WHERE `users`.`id` = ?1 AND NOT EXISTS (SELECT 1 FROM `token_blacklist` WHERE `token_blacklist`.`realm` = ?2 AND `token_blacklist`.`id` IN (?3, ?4, ?5) AND `token_blacklist`.`expires_at` > ?6 AND (`token_blacklist`.`type` <> 'user' OR `token_blacklist`.`blacklisted_at` > ?7))";
    const SELECT_BY_EMAIL: &'static ::core::primitive::str = "SELECT `users`.`id`, `users`.`email`, `users`.`is_verified`, `users`.`username` FROM `users` WHERE `users`.`email` = ?1 AND `users`.`email` COLLATE BINARY = ?1 AND `users`.`id` IS NOT NULL LIMIT 1";
    const INSERT: &'static ::core::primitive::str = "INSERT INTO `users` (`email`, `is_verified`) VALUES (?1, TRUE)";
    const MARK_VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "UPDATE `users` SET `is_verified` = TRUE WHERE `id` = ?1 AND `is_verified` IS NOT TRUE",
    );
    fn from_row(
        row: &::otp_auth::__private::sqlite::Row,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::sqlite::Error,
    > {
        if ::otp_auth::__private::sqlite::is_null(row, 0usize)?
            || ::otp_auth::__private::sqlite::is_null(row, 1usize)?
        {
            return ::core::result::Result::Ok(::core::option::Option::None);
        }
        ::core::result::Result::Ok(
            ::core::option::Option::Some(Self {
                id: <i64 as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::sqlite::Database,
                >>::get(row, 0usize)?,
                email: <String as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::sqlite::Database,
                >>::get(row, 1usize)?,
                is_verified: <bool as ::otp_auth::__private::Column<
                    ::otp_auth::__private::sqlite::Database,
                >>::get_or_default(row, 2usize)?,
                username: <Option<
                    String,
                > as ::otp_auth::__private::Column<
                    ::otp_auth::__private::sqlite::Database,
                >>::get(row, 3usize)?,
            }),
        )
    }
    fn bind_id(
        id: &Self::Id,
        arguments: &mut ::otp_auth::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::sqlite::Error> {
        <i64 as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::sqlite::Database,
        >>::bind_compared(::core::clone::Clone::clone(id), arguments)
    }
    fn bind_email(
        email: &::core::primitive::str,
        arguments: &mut ::otp_auth::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::sqlite::Error> {
        <String as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::sqlite::Database,
        >>::bind_compared(::core::convert::From::from(email), arguments)
    }
    fn bind_new(
        email: &::core::primitive::str,
        now: ::otp_auth::__private::Timestamp,
        arguments: &mut ::otp_auth::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::sqlite::Error> {
        <String as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::sqlite::Database,
        >>::bind(::core::convert::From::from(email), arguments)?;
        ::core::result::Result::Ok(())
    }
    fn bind_proof(
        id: &Self::Id,
        now: ::otp_auth::__private::Timestamp,
        arguments: &mut ::otp_auth::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::sqlite::Error> {
        <Self as ::otp_auth::__private::sqlite::SqlUser<
            ::otp_auth::__private::sqlite::Database,
        >>::bind_id(id, arguments)?;
        ::core::result::Result::Ok(())
    }
    fn table() -> ::core::option::Option<::otp_auth::__private::sqlite::Table> {
        #[allow(unused_imports)]
        use ::otp_auth::__private::sqlite::Unknown as _;
        ::core::option::Option::Some(::otp_auth::__private::sqlite::Table {
            schema: ::core::option::Option::None,
            name: "users",
            quoted: "`users`",
            id: "id",
            email: "email",
            verified: ::core::option::Option::Some("is_verified"),
            filter: ::core::option::Option::None,
            columns: ::core::convert::From::from([
                ::otp_auth::__private::sqlite::Column {
                    name: "id",
                    quoted: "`id`",
                    probe: "SELECT `users`.`id` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `users` ON 1 = 0",
                    given: ::otp_auth::__private::sqlite::Given::Nothing,
                    field: ::otp_auth::__private::sqlite::FieldOf::<i64>::new()
                        .describe(),
                },
                ::otp_auth::__private::sqlite::Column {
                    name: "email",
                    quoted: "`email`",
                    probe: "SELECT `users`.`email` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `users` ON 1 = 0",
                    given: ::otp_auth::__private::sqlite::Given::Value,
                    field: ::otp_auth::__private::sqlite::FieldOf::<String>::new()
                        .describe(),
                },
                ::otp_auth::__private::sqlite::Column {
                    name: "is_verified",
                    quoted: "`is_verified`",
                    probe: "SELECT `users`.`is_verified` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `users` ON 1 = 0",
                    given: ::otp_auth::__private::sqlite::Given::Value,
                    field: ::otp_auth::__private::sqlite::FieldOf::<bool>::new()
                        .describe(),
                },
                ::otp_auth::__private::sqlite::Column {
                    name: "username",
                    quoted: "`username`",
                    probe: "SELECT `users`.`username` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `users` ON 1 = 0",
                    given: ::otp_auth::__private::sqlite::Given::Nothing,
                    field: ::otp_auth::__private::sqlite::FieldOf::<
                        Option<String>,
                    >::new()
                        .describe(),
                },
            ]),
        })
    }
}
