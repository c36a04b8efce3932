#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl<T, const N: usize> ::otp_auth::__private::OtpUser for User<T, N>
where
    T: Send + Sync + 'static,
{
    type Id = i64;
    type Claims = Own;
    fn id(&self) -> &Self::Id {
        &self.id
    }
    fn email(&self) -> &::core::primitive::str {
        ::otp_auth::__private::AddressField::text(&self.email)
    }
    fn claims(&self) -> Self::Claims {
        <Own as ::core::convert::From<&Self>>::from(self)
    }
    fn default_realm() -> &'static ::core::primitive::str {
        "User"
    }
}
