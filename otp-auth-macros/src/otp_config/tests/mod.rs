mod every_key;
mod mistakes;
mod recovery;
mod snapshots;

use proc_macro2::TokenStream;
use quote::quote;

/// The attribute, and the derive that it passes its arguments to.
#[allow(clippy::needless_pass_by_value, reason = "every test makes both in place")]
fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let tokens = super::attribute(&arguments, &item);
    if syn::parse2::<syn::DeriveInput>(tokens.clone()).is_err() {
        return tokens;
    }
    let derived = super::derive(tokens.clone());
    quote!(#tokens #derived)
}
