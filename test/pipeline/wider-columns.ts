/** Declarations that make columns of the shop's tables wider, each kind at least once. */
/** `orders` have `tag` and `rest`. */
export const WIDER = {
  tag: 'tag VARCHAR(200) NULL',
  rest: `MODIFY quantity BIGINT NOT NULL, MODIFY state
    ENUM('new','paid','shipped','returned','lost') NOT NULL DEFAULT 'new'`,
  label: `MODIFY label VARCHAR(300) CHARACTER SET latin1 NOT NULL DEFAULT 'A, b',
    MODIFY credit DECIMAL(18,4) NOT NULL DEFAULT 0, MODIFY note MEDIUMTEXT`,
  name: 'MODIFY name VARCHAR(90)',
};
