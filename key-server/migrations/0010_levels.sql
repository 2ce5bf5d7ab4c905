-- Playback levels (docs/LEVELS.md): the least one that an application allows and what a lower one gets, and the one of a session.

ALTER TABLE apps ADD COLUMN min_level TEXT NOT NULL DEFAULT 'standard' CHECK (min_level IN ('standard', 'guarded', 'sealed'));
ALTER TABLE apps ADD COLUMN below_min_level TEXT NOT NULL DEFAULT 'refuse'
    CHECK (below_min_level IN ('refuse', 'AUDIO', 'SD', 'HD', 'UHD'));

ALTER TABLE sessions ADD COLUMN level TEXT NOT NULL DEFAULT 'guarded' CHECK (level IN ('standard', 'guarded', 'sealed'));
-- Why it is guarded; none for others.
ALTER TABLE sessions ADD COLUMN downgrade TEXT CHECK (downgrade IN ('browser', 'application', 'own_hls', 'hls_settings', 'old_player'));
-- Sessions of before: their players know no levels.
UPDATE sessions SET level = CASE mode WHEN 'standard' THEN 'standard' ELSE 'guarded' END,
    downgrade = CASE mode WHEN 'standard' THEN NULL ELSE 'old_player' END;
