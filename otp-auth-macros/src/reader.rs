//! Reads attributes. The reader knows the keys of an attribute and the form of each. It reports
//! what is unknown, misplaced or half-typed and continues after the next comma, so that one typo
//! hides neither the other mistakes nor the correct keys.

use std::fmt::Display;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, LitStr, Meta, Token, token};

use crate::diag::{Errors, mistake, mistake_at, nearest};
use crate::entry::{Content, Entry, Form, Key, UNKNOWN, Vocabulary};
use crate::syntax::string;

/// Reads the entries of an attribute on the item or on a field.
pub(crate) fn read_attribute(attribute: &Attribute, vocabulary: &Vocabulary, errors: &mut Errors) -> Vec<Entry> {
    let problem = match &attribute.meta {
        Meta::List(list) if !list.tokens.is_empty() => {
            return read(list.tokens.clone(), vocabulary, errors);
        }
        Meta::List(_) | Meta::Path(_) => "this attribute is empty",
        Meta::NameValue(_) => "this attribute takes its keys in parentheses",
    };
    let (name, examples) = (vocabulary.attribute, vocabulary.examples());
    errors.push(mistake(attribute.path(), format_args!("{problem}: write `{name}` with {examples}")));
    Vec::new()
}

/// Reads comma-separated entries. A key whose content does not parse has [`Content::Broken`].
pub(crate) fn read(tokens: TokenStream, vocabulary: &Vocabulary, errors: &mut Errors) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut reader = Reader { vocabulary, errors: &mut *errors, quiet: false };
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            entries.extend(reader.entry(input));
            reader.separator(input);
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        errors.push(error);
    }
    entries
}

struct Reader<'a> {
    vocabulary: &'a Vocabulary,
    errors: &'a mut Errors,
    /// Whether the entry already has a reported mistake, so that no second one is reported.
    quiet: bool,
}

impl Reader<'_> {
    fn report(&mut self, place: Span, message: impl Display) {
        if !self.quiet {
            self.errors.push(mistake_at(place, message));
        }
    }

    /// Reads one entry. `None` if there is no key.
    fn entry(&mut self, input: ParseStream<'_>) -> Option<Entry> {
        self.quiet = false;
        if input.peek(Token![#]) {
            let attribute = self.vocabulary.attribute;
            let advice = "put the whole attribute into `#[cfg_attr(condition, …)]`";
            self.report(input.span(), format_args!("attributes are not allowed inside `{attribute}`: {advice}"));
            let _ = input.call(Attribute::parse_outer);
        }
        let Some(word) = word(input) else {
            let (attribute, examples) = (self.vocabulary.attribute, self.vocabulary.examples());
            if input.peek(Token![,]) {
                self.report(input.span(), "there is nothing before this comma: remove it");
            } else {
                let message = format!("`{attribute}` expects a key here, such as {examples}");
                self.report(input.span(), message);
            }
            skip_to_comma(input);
            return None;
        };
        let text = word.unraw().to_string();
        let known = self.vocabulary.keys.iter().find(|key| key.name == text);
        let Some(key) = known.or_else(|| self.guess(&word, &text)) else {
            skip_to_comma(input);
            let name = self.vocabulary.elsewhere(&text).map_or(UNKNOWN, |(name, _)| name);
            return Some(Entry { key: word, name, content: Content::Broken, guessed: true });
        };
        self.quiet = known.is_none();
        let content = self.content(input, &word, key).unwrap_or_else(|| {
            skip_to_comma(input);
            Content::Broken
        });
        Some(Entry { key: word, name: key.name, content, guessed: self.quiet })
    }

    /// Reports an unknown word, and returns the key that was probably meant.
    fn guess(&mut self, word: &Ident, text: &str) -> Option<&'static Key> {
        let Vocabulary { attribute, keys, .. } = *self.vocabulary;
        let key = |meant: &str| keys.iter().find(|key| key.name == meant);
        if let Some((_, advice)) = self.vocabulary.elsewhere(text) {
            let meant = key(advice);
            let message = match meant {
                Some(key) => format!("`{attribute}` has no key `{text}`: write `{}`", key.example),
                None => format!("`{text}` does not belong here: {advice}"),
            };
            self.report(word.span(), message);
            return meant;
        }
        let meant = nearest(text, self.vocabulary.names());
        let help = match meant {
            Some(name) => format!("did you mean `{name}`?"),
            None => self.vocabulary.candidates(text),
        };
        self.report(word.span(), format_args!("`{attribute}` has no key `{text}`; {help}"));
        key(meant?)
    }

    /// Reads what follows `word`, in the form of `key`. `None` if it does not parse. The mistake
    /// has then been reported.
    fn content(&mut self, input: ParseStream<'_>, word: &Ident, key: &Key) -> Option<Content> {
        let Key { name, form, ref example } = *key;
        let takes_value = matches!(form, Form::Value | Form::WordOrValue | Form::ValueOrList | Form::Type);
        let valued = input.peek(Token![=]) || input.peek(Token![:]) || input.peek(token::Paren);
        // If another key follows, only the comma is missing.
        if matches!(form, Form::Word | Form::WordOrValue) && !valued {
            return Some(Content::Word);
        }
        if input.is_empty() || input.peek(Token![,]) {
            self.report(word.span(), format_args!("`{name}` needs a value: write `{example}`"));
        } else if matches!(form, Form::List | Form::ValueOrList) && input.peek(token::Paren) {
            return parenthesized(input).ok().map(Content::List);
        } else if takes_value && input.peek(Token![=]) {
            input.parse::<Token![=]>().ok()?;
            return self.value(input, word, key);
        } else if takes_value && input.peek(Token![:]) && !input.peek(Token![::]) {
            let colon = input.parse::<Token![:]>().ok()?;
            self.report(colon.span, format_args!("expected `=` in place of `:`: write `{example}`"));
            self.quiet = true;
            return self.value(input, word, key);
        } else if form == Form::Word {
            let value = Self::unwanted(input);
            let advice = self.vocabulary.valued.iter().find(|(word, ..)| *word == name);
            let advice = match (advice, value.as_ref()) {
                (Some((_, named, _)), Some(Expr::Path(path))) if path.qself.is_none() => {
                    named.replace("{}", &path.to_token_stream().to_string().replace(' ', ""))
                }
                (Some((_, named, _)), Some(value)) if let Some(text) = string(value) => named.replace("{}", &text),
                (Some((_, _, other)), Some(value)) if !matches!(value, Expr::Lit(_)) => (*other).to_owned(),
                _ => format!("write `{name}` alone"),
            };
            self.report(word.span(), format_args!("`{name}` takes no value: {advice}"));
            // The intent is clear.
            self.quiet = true;
            return Some(Content::Word);
        } else {
            self.report(word.span(), format_args!("`{name}` is not written like this: write `{example}`"));
        }
        None
    }

    /// The value of a key that takes none, after `=` or in parentheses.
    fn unwanted(input: ParseStream<'_>) -> Option<Expr> {
        let value = if input.peek(token::Paren) {
            parenthesized(input).ok().and_then(|inner| syn::parse2(inner).ok())
        } else {
            input.parse::<Token![=]>().ok().and_then(|_| input.parse().ok())
        };
        skip_to_comma(input);
        value
    }

    /// The value after `=`.
    fn value(&mut self, input: ParseStream<'_>, word: &Ident, key: &Key) -> Option<Content> {
        let Key { name, form, ref example } = *key;
        if input.is_empty() || input.peek(Token![,]) {
            self.report(word.span(), format_args!("`{name} =` needs a value: write `{example}`"));
            return None;
        }
        let start = input.span();
        if form == Form::Type
            && let Ok(text) = input.fork().parse::<LitStr>()
        {
            self.report(text.span(), format_args!("`{name}` takes a type, without quotes: write `{example}`"));
            // The intent is clear, so the expansion can use the type.
            input.parse::<LitStr>().ok()?;
            return text.parse().ok().map(Content::Type);
        }
        let (content, what) = match form {
            Form::Type => (input.parse().map(Content::Type), "a type"),
            _ => (input.parse().map(Content::Expr), "a complete expression"),
        };
        content
            .map_err(|error| {
                // An error at the end of the input has no span of its own.
                let place = if input.is_empty() { start } else { error.span() };
                self.report(place, format_args!("the value of `{name}` is not {what}: write `{example}`"));
            })
            .ok()
    }

    /// Reads the comma between two entries. A missing one is a separate mistake, and reading
    /// continues.
    fn separator(&mut self, input: ParseStream<'_>) {
        if input.is_empty() || input.parse::<Token![,]>().is_ok() {
            return;
        }
        self.quiet = false;
        if input.peek(syn::Ident::peek_any) {
            self.report(input.span(), "expected `,` before this");
        } else if let Ok(TokenTree::Punct(sign)) = input.fork().parse::<TokenTree>() {
            self.report(sign.span(), format_args!("expected `,` in place of `{sign}`"));
            let _ = input.parse::<TokenTree>();
        } else {
            self.report(input.span(), "expected `,` before this");
            skip_to_comma(input);
            let _ = input.parse::<Token![,]>();
        }
    }
}

fn word(input: ParseStream<'_>) -> Option<Ident> {
    input.peek(syn::Ident::peek_any).then(|| input.call(Ident::parse_any).ok())?
}

/// The tokens inside parentheses.
fn parenthesized(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let content;
    syn::parenthesized!(content in input);
    content.parse()
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}
