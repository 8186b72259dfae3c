/// The key of the session that says how far an import is, as long as it is not finished. No client has it: the first bytes of
/// "import of a log", then zeros.
pub(crate) const IMPORT_MARK: [u8; 32] = *b"import of a log\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
