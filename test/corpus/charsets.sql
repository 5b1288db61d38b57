-- Character sets that are not UTF-8: trailing spaces, bytes that the server has no character for,
-- two codes of one character, C1 bytes, code units of two and four bytes, half a pair of surrogates
-- as half of a pair.
-- table
CREATE TABLE charsets (
  id INT NOT NULL PRIMARY KEY,
  latin1_c CHAR(10) CHARACTER SET latin1 NULL,
  latin1_t TEXT CHARACTER SET latin1 NULL,
  latin2_v VARCHAR(20) CHARACTER SET latin2 NULL,
  cp1251_v VARCHAR(300) CHARACTER SET cp1251 NULL,
  cp1250_t TEXT CHARACTER SET cp1250 NULL,
  koi8r_c CHAR(20) CHARACTER SET koi8r NULL,
  gbk_c CHAR(20) CHARACTER SET gbk NULL,
  gbk_t MEDIUMTEXT CHARACTER SET gbk NULL,
  sjis_v VARCHAR(20) CHARACTER SET sjis NULL,
  cp932_v VARCHAR(20) CHARACTER SET cp932 NULL,
  big5_v VARCHAR(20) CHARACTER SET big5 NULL,
  euckr_v VARCHAR(20) CHARACTER SET euckr NULL,
  ujis_v VARCHAR(20) CHARACTER SET ujis NULL,
  utf16_c CHAR(10) CHARACTER SET utf16 NULL,
  utf16le_v VARCHAR(100) CHARACTER SET utf16le NULL,
  ucs2_v VARCHAR(20) CHARACTER SET ucs2 NULL,
  utf32_t TEXT CHARACTER SET utf32 NULL,
  swe7_v VARCHAR(20) CHARACTER SET swe7 NULL,
  g_v VARCHAR(20) CHARACTER SET gbk GENERATED ALWAYS AS (CONCAT(gbk_c, '!')) VIRTUAL
);
-- rows
INSERT INTO charsets (id) VALUES (1);
INSERT INTO charsets VALUES (2, 'größe  ', _latin1 x'80818d8f90ff', 'Łódź ', 'Привет', 'Žluťoučký',
  'Привет  ', '中文  ', CONCAT(REPEAT('中', 1000), '\\''"'), '日本ｱ\\', '日本①', '中文', '한국갂', '日本',
  '日本😀  ', '😀 x ', '日本', '😀日本', 'å', DEFAULT);
INSERT INTO charsets VALUES (3, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', DEFAULT);
INSERT INTO charsets VALUES (4, ' ', ' ', ' ', _cp1251 x'98ff', _cp1250 x'8183', ' ', _gbk x'A2A0FEFE',
  _gbk x'A140', _sjis x'815F5C', _cp932 x'879AFA5BEEFC', _big5 x'A15AA1C3A1FE', _euckr x'C9A1', _ujis x'8FA2B7',
  ' ', ' ', _ucs2 x'D83DDE00', ' ', 'ä', DEFAULT);
-- changes
UPDATE charsets SET gbk_t = CONCAT(gbk_t, '文'), cp1251_v = 'Мир', utf16_c = '終' WHERE id = 2;
UPDATE charsets SET sjis_v = _sjis x'8160', latin1_t = _latin1 x'9D' WHERE id = 4;
DELETE FROM charsets WHERE id = 3;
-- events
{"id": "2", "latin1_c": "größe", "latin2_v": "Łódź ", "cp1251_v": "Мир", "cp1250_t": "Žluťoučký", "koi8r_c": "Привет", "gbk_c": "中文", "sjis_v": "日本ｱ＼", "cp932_v": "日本①", "big5_v": "中文", "euckr_v": "한국갂", "ujis_v": "日本", "utf16_c": "終", "utf16le_v": "😀 x ", "ucs2_v": "日本", "utf32_t": "😀日本", "swe7_v": "å"}
{"id": "4", "ucs2_v": "😀", "sjis_v": "〜"}
