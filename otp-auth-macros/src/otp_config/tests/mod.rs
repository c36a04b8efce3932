mod every_key;
mod mistakes;
mod recovery;
mod snapshots;

use super::attribute;
