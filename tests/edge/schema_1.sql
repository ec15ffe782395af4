-- An embedded store's file as schema 1 made it (before there were comments), with a few rows: sqlite3's own dump.
BEGIN TRANSACTION;
CREATE TABLE article (
	id TEXT NOT NULL CHECK (id <> ''),
	guid TEXT DEFAULT '' NOT NULL,
	url TEXT DEFAULT '' NOT NULL,
	title TEXT DEFAULT '' NOT NULL,
	summary TEXT DEFAULT '' NOT NULL,
	content TEXT DEFAULT '' NOT NULL,
	published TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
	updated TEXT DEFAULT '' NOT NULL,
	language TEXT DEFAULT '' NOT NULL,
	announce INTEGER CHECK (announce IN (0, 1)),
	notice TEXT DEFAULT '' NOT NULL,
	status TEXT DEFAULT 'published' NOT NULL CHECK (status IN ('published', 'draft')),
	PRIMARY KEY (id)
)
 STRICT

;
INSERT INTO article VALUES('1','','https://example.com/1','一','','','2026-04-28','','',NULL,'','published');
INSERT INTO article VALUES('2','','https://example.com/2','二改','','','2026-04-28','','',NULL,'','published');
CREATE TABLE category (
	id TEXT NOT NULL CHECK (id <> ''),
	name TEXT NOT NULL CHECK (name <> ''),
	slug TEXT NOT NULL CHECK (slug <> ''),
	parent TEXT,
	PRIMARY KEY (id),
	FOREIGN KEY(parent) REFERENCES category (id)
)
 STRICT

;
INSERT INTO category VALUES('us','米国関連','us',NULL);
CREATE TABLE change (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	article TEXT NOT NULL,
	UNIQUE (article)
)
 STRICT

;
INSERT INTO change VALUES(5,'1');
INSERT INTO change VALUES(6,'2');
INSERT INTO change VALUES(7,'3');
CREATE TABLE store (
	one INTEGER DEFAULT '1' NOT NULL CHECK (one = 1),
	identity TEXT DEFAULT (lower(hex(randomblob(16)))) NOT NULL,
	taxonomy INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (one)
)
 STRICT

;
INSERT INTO store VALUES(1,'4055dd1294ac004b7cfb8c42ede248a1',1);
CREATE TABLE article_category (
	article TEXT NOT NULL,
	category TEXT NOT NULL,
	position INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (article, category),
	FOREIGN KEY(article) REFERENCES article (id),
	FOREIGN KEY(category) REFERENCES category (id)
)
 STRICT

;
INSERT INTO article_category VALUES('1','us',0);
CREATE TABLE article_tag (
	article TEXT NOT NULL,
	tag TEXT NOT NULL,
	position INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (article, tag),
	FOREIGN KEY(article) REFERENCES article (id)
)
 STRICT

;
INSERT INTO article_tag VALUES('1','F-35',0);
CREATE TABLE article_author (
	article TEXT NOT NULL,
	name TEXT NOT NULL,
	position INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (article, name),
	FOREIGN KEY(article) REFERENCES article (id)
)
 STRICT

;
CREATE TABLE image (
	article TEXT NOT NULL,
	url TEXT NOT NULL,
	alt TEXT DEFAULT '' NOT NULL,
	credit TEXT DEFAULT '' NOT NULL,
	license TEXT DEFAULT '' NOT NULL,
	position INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (article, url),
	FOREIGN KEY(article) REFERENCES article (id)
)
 STRICT

;
CREATE TABLE link (
	article TEXT NOT NULL,
	rel TEXT NOT NULL CHECK (rel IN ('via', 'related')),
	url TEXT NOT NULL,
	title TEXT DEFAULT '' NOT NULL,
	position INTEGER DEFAULT '0' NOT NULL,
	PRIMARY KEY (article, rel, url),
	FOREIGN KEY(article) REFERENCES article (id)
)
 STRICT

;
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('change',7);
CREATE TRIGGER article_after_insert AFTER INSERT ON article BEGIN DELETE FROM change WHERE article = NEW.id; INSERT INTO change (article) VALUES (NEW.id); END;
CREATE TRIGGER article_after_update AFTER UPDATE ON article BEGIN DELETE FROM change WHERE article = NEW.id; INSERT INTO change (article) VALUES (NEW.id); END;
CREATE TRIGGER article_after_delete AFTER DELETE ON article BEGIN DELETE FROM article_category WHERE article = OLD.id; DELETE FROM article_tag WHERE article = OLD.id;DELETE FROM article_author WHERE article = OLD.id; DELETE FROM image WHERE article = OLD.id;DELETE FROM link WHERE article = OLD.id;DELETE FROM change WHERE article = OLD.id; INSERT INTO change (article) VALUES (OLD.id); END;
CREATE TRIGGER article_before_update_of_id BEFORE UPDATE OF id ON article BEGIN SELECT RAISE(ABORT, 'an id is for life: delete the row and insert another') WHERE NEW.id IS NOT OLD.id; END;
CREATE TRIGGER category_after_insert AFTER INSERT ON category BEGIN UPDATE store SET taxonomy = taxonomy + 1; END;
CREATE TRIGGER category_after_update AFTER UPDATE ON category BEGIN UPDATE store SET taxonomy = taxonomy + 1; END;
CREATE TRIGGER category_after_delete AFTER DELETE ON category BEGIN DELETE FROM article_category WHERE category = OLD.id;UPDATE category SET parent = OLD.parent WHERE parent = OLD.id;UPDATE store SET taxonomy = taxonomy + 1; END;
CREATE TRIGGER category_before_update_of_id BEFORE UPDATE OF id ON category BEGIN SELECT RAISE(ABORT, 'an id is for life: delete the row and insert another') WHERE NEW.id IS NOT OLD.id; END;
CREATE INDEX article_category_by_category ON article_category (category);
CREATE TRIGGER article_category_after_insert AFTER INSERT ON article_category BEGIN DELETE FROM change WHERE article = NEW.article; INSERT INTO change (article) VALUES (NEW.article); END;
CREATE TRIGGER article_category_after_update AFTER UPDATE ON article_category BEGIN DELETE FROM change WHERE article = OLD.article; INSERT INTO change (article) VALUES (OLD.article);DELETE FROM change WHERE article = NEW.article; INSERT INTO change (article) VALUES (NEW.article); END;
CREATE TRIGGER article_category_after_delete AFTER DELETE ON article_category BEGIN DELETE FROM change WHERE article = OLD.article; INSERT INTO change (article) VALUES (OLD.article); END;
CREATE TRIGGER article_tag_after_insert AFTER INSERT ON article_tag BEGIN DELETE FROM change WHERE article = NEW.article; INSERT INTO change (article) VALUES (NEW.article); END;
CREATE TRIGGER article_tag_after_update AFTER UPDATE ON article_tag BEGIN DELETE FROM change WHERE article = OLD.article; INSERT INTO change (article) VALUES (OLD.article);DELETE FROM change WHERE article = NEW.article; INSERT INTO change (article) VALUES (NEW.article); END;
CREATE TRIGGER article_tag_after_delete AFTER DELETE ON article_tag BEGIN DELETE FROM change WHERE article = OLD.article; INSERT INTO change (article) VALUES (OLD.article); END;
CREATE TRIGGER article_author_after_insert AFTER INSERT ON article_author BEGIN DELETE FROM change WHERE article = NEW.article; INSERT INTO change (article) VALUES (NEW.article); END;
CREATE TRIGGER article_author_after_update AFTER UPDATE ON article_author BEGIN DELETE FROM change WHERE article = OLD.article; INSERT INTO change (article) VALUES (OLD.article);DELETE FROM change WHERE article = NEW.article; INSERT INTO change (article) VALUES (NEW.article); END;
CREATE TRIGGER article_author_after_delete AFTER DELETE ON article_author BEGIN DELETE FROM change WHERE article = OLD.article; INSERT INTO change (article) VALUES (OLD.article); END;
CREATE TRIGGER image_after_insert AFTER INSERT ON image BEGIN DELETE FROM change WHERE article = NEW.article; INSERT INTO change (article) VALUES (NEW.article); END;
CREATE TRIGGER image_after_update AFTER UPDATE ON image BEGIN DELETE FROM change WHERE article = OLD.article; INSERT INTO change (article) VALUES (OLD.article);DELETE FROM change WHERE article = NEW.article; INSERT INTO change (article) VALUES (NEW.article); END;
CREATE TRIGGER image_after_delete AFTER DELETE ON image BEGIN DELETE FROM change WHERE article = OLD.article; INSERT INTO change (article) VALUES (OLD.article); END;
CREATE TRIGGER link_after_insert AFTER INSERT ON link BEGIN DELETE FROM change WHERE article = NEW.article; INSERT INTO change (article) VALUES (NEW.article); END;
CREATE TRIGGER link_after_update AFTER UPDATE ON link BEGIN DELETE FROM change WHERE article = OLD.article; INSERT INTO change (article) VALUES (OLD.article);DELETE FROM change WHERE article = NEW.article; INSERT INTO change (article) VALUES (NEW.article); END;
CREATE TRIGGER link_after_delete AFTER DELETE ON link BEGIN DELETE FROM change WHERE article = OLD.article; INSERT INTO change (article) VALUES (OLD.article); END;
COMMIT;
PRAGMA application_id = 1717921124;
PRAGMA user_version = 1;
