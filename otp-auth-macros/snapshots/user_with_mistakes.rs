::core::compile_error! {
    "`#[otp_user(...)]` has no key `colour`; the closest keys are `filter`, `claims` and `crate`; see https://docs.rs/otp-auth/latest/otp_auth/derive.OtpUser.html for all"
}
::core::compile_error! {
    "`#[otp(...)]` has no key `colum`; did you mean `column`?"
}
::core::compile_error! {
    "`User` has no `email`: put `#[otp(email)]` on the field `email`"
}
#[allow(missing_docs, dead_code, private_interfaces, unreachable_pub)]
#[derive(
    ::core::clone::Clone,
    ::core::fmt::Debug,
    ::otp_auth::__private::serde::Serialize,
    ::otp_auth::__private::serde::Deserialize,
)]
#[serde(crate = "::otp_auth::__private::serde")]
struct UserClaims {
    pub name: String,
}
#[automatically_derived]
impl ::otp_auth::__private::OtpUser for User {
    type Id = i64;
    type Claims = UserClaims;
    const CHECKED: ::core::primitive::bool = ::otp_auth::__private::shared::<Self>();
    fn id(&self) -> &Self::Id {
        loop {}
    }
    fn email(&self) -> &::core::primitive::str {
        loop {}
    }
    fn claims(&self) -> Self::Claims {
        loop {}
    }
}
#[automatically_derived]
impl ::otp_auth::__private::VerifiableUser for User {}
#[automatically_derived]
impl ::otp_auth::__private::sqlite::SqlUser<::otp_auth::__private::sqlite::Database>
for User {
    const SELECT_BY_ID: &'static ::core::primitive::str = "";
    const SELECT_CURRENT: &'static ::core::primitive::str = "";
    const SELECT_BY_EMAIL: &'static ::core::primitive::str = "";
    const INSERT: &'static ::core::primitive::str = "";
    const MARK_VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::None;
    fn from_row(
        _: &::otp_auth::__private::sqlite::Row,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::sqlite::Error,
    > {
        loop {}
    }
    fn bind_id(
        _: &Self::Id,
        _: &mut ::otp_auth::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::sqlite::Error> {
        loop {}
    }
    fn bind_email(
        _: &::core::primitive::str,
        _: &mut ::otp_auth::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::sqlite::Error> {
        loop {}
    }
    fn bind_proof(
        _: &Self::Id,
        _: ::otp_auth::__private::Timestamp,
        _: &mut ::otp_auth::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::sqlite::Error> {
        loop {}
    }
    fn bind_new(
        _: &::core::primitive::str,
        _: ::otp_auth::__private::Timestamp,
        _: &mut ::otp_auth::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::sqlite::Error> {
        loop {}
    }
}
#[automatically_derived]
impl ::otp_auth::__private::postgres::SqlUser<::otp_auth::__private::postgres::Database>
for User {
    const SELECT_BY_ID: &'static ::core::primitive::str = "";
    const SELECT_CURRENT: &'static ::core::primitive::str = "";
    const SELECT_BY_EMAIL: &'static ::core::primitive::str = "";
    const INSERT: &'static ::core::primitive::str = "";
    const MARK_VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::None;
    fn from_row(
        _: &::otp_auth::__private::postgres::Row,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::postgres::Error,
    > {
        loop {}
    }
    fn bind_id(
        _: &Self::Id,
        _: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        loop {}
    }
    fn bind_email(
        _: &::core::primitive::str,
        _: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        loop {}
    }
    fn bind_proof(
        _: &Self::Id,
        _: ::otp_auth::__private::Timestamp,
        _: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        loop {}
    }
    fn bind_new(
        _: &::core::primitive::str,
        _: ::otp_auth::__private::Timestamp,
        _: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        loop {}
    }
}
#[automatically_derived]
impl ::otp_auth::__private::mysql::SqlUser<::otp_auth::__private::mysql::Database>
for User {
    const SELECT_BY_ID: &'static ::core::primitive::str = "";
    const SELECT_CURRENT: &'static ::core::primitive::str = "";
    const SELECT_BY_EMAIL: &'static ::core::primitive::str = "";
    const INSERT: &'static ::core::primitive::str = "";
    const MARK_VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::None;
    fn from_row(
        _: &::otp_auth::__private::mysql::Row,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::mysql::Error,
    > {
        loop {}
    }
    fn bind_id(
        _: &Self::Id,
        _: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        loop {}
    }
    fn bind_email(
        _: &::core::primitive::str,
        _: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        loop {}
    }
    fn bind_proof(
        _: &Self::Id,
        _: ::otp_auth::__private::Timestamp,
        _: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        loop {}
    }
    fn bind_new(
        _: &::core::primitive::str,
        _: ::otp_auth::__private::Timestamp,
        _: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        loop {}
    }
}
#[automatically_derived]
impl ::otp_auth::__private::mongodb::MongoUser for User {
    const COLLECTION: &'static ::core::primitive::str = "";
    const ID: &'static ::core::primitive::str = "";
    const EMAIL: &'static ::core::primitive::str = "";
    const VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::None;
    fn from_document(
        _: &::otp_auth::__private::mongodb::Stored,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::mongodb::Error,
    > {
        loop {}
    }
    fn id_value(
        _: &Self::Id,
    ) -> ::core::result::Result<
        ::otp_auth::__private::mongodb::Bson,
        ::otp_auth::__private::mongodb::Error,
    > {
        loop {}
    }
    fn email_value(
        _: &::core::primitive::str,
    ) -> ::core::result::Result<
        ::otp_auth::__private::mongodb::Bson,
        ::otp_auth::__private::mongodb::Error,
    > {
        loop {}
    }
    fn new_document(
        _: &::core::primitive::str,
        _: ::otp_auth::__private::Timestamp,
    ) -> ::core::result::Result<
        ::otp_auth::__private::mongodb::Document,
        ::otp_auth::__private::mongodb::Error,
    > {
        loop {}
    }
}
