-- All spatial types with and without a reference system, also where the server swaps its axes; an
-- empty collection; two columns of one type; NULL.
-- table
CREATE TABLE shapes (
  id INT NOT NULL PRIMARY KEY,
  g GEOMETRY NULL,
  p POINT NULL,
  l LINESTRING NULL,
  a POLYGON NULL,
  mp MULTIPOINT NULL,
  ml MULTILINESTRING NULL,
  ma MULTIPOLYGON NULL,
  gc GEOMETRYCOLLECTION NULL
);
-- rows
INSERT INTO shapes (id) VALUES (1), (2);
INSERT INTO shapes VALUES (3, ST_GeomFromText('POINT(1 2)', 4326), ST_GeomFromText('POINT(1.25 -2e-300)'),
  ST_GeomFromText('LINESTRING(0 0,1 1,2 0)', 3857),
  ST_GeomFromText('POLYGON((0 0,0 9,9 9,9 0,0 0),(1 1,1 2,2 2,2 1,1 1))'),
  ST_GeomFromText('MULTIPOINT(1 1,2 2)'), ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))'),
  ST_GeomFromText('MULTIPOLYGON(((0 0,0 1,1 1,0 0)))'),
  ST_GeomFromText('GEOMETRYCOLLECTION(POINT(39 92),LINESTRING(0 0,1 1))'));
INSERT INTO shapes (id, g) VALUES (4, ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'));
-- changes
UPDATE shapes SET p = ST_GeomFromText('POINT(39 92)') WHERE id = 2;
UPDATE shapes SET g = ST_GeomFromText('LINESTRING(0 0,1 1)', 4326) WHERE id = 3;
DELETE FROM shapes WHERE id = 4;
