//! The one door between generated wire types and the product's own. (Being written.)
