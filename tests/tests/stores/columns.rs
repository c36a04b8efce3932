//! Columns of every kind.
