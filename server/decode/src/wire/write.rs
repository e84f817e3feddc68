//! The other direction: messages appended to a buffer.

/// Appends the fields of a message.
#[derive(Debug)]
pub(crate) struct Writer<'a>(pub(crate) &'a mut Vec<u8>);

impl Writer<'_> {
    /// A number alone: seven bits a byte, the lowest first.
    pub(crate) fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn varint(&mut self, number: u32, value: u64) {
        self.raw_varint(u64::from(number) << 3);
        self.raw_varint(value);
    }

    pub(crate) fn fixed64(&mut self, number: u32, value: u64) {
        self.raw_varint(u64::from(number) << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, number: u32, value: &[u8]) {
        self.raw_varint(u64::from(number) << 3 | 2);
        self.raw_varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// Whatever `write` appends, as a message or a packed sequence.
    pub(crate) fn nested<E>(
        &mut self,
        number: u32,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.raw_varint(u64::from(number) << 3 | 2);
        let start = self.0.len();
        write(self.0)?;
        // The length is known only now: it is written behind and turned to the front.
        let end = self.0.len();
        self.raw_varint((end - start) as u64);
        let width = self.0.len() - end;
        self.0[start..].rotate_right(width);
        Ok(())
    }
}
