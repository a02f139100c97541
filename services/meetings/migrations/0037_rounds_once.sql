-- A round of surveys is completed once. A meeting of its term that is recorded after that is counted in another one of the same term.

ALTER TABLE survey_rounds DROP CONSTRAINT survey_rounds_municipality_form_questions_first_key;
CREATE UNIQUE INDEX survey_rounds_counting ON survey_rounds (municipality, form, questions, first) WHERE NOT completed;
COMMENT ON TABLE survey_rounds IS 'A term of one survey, or what was recorded of it late. Its sums are in the vault until it is completed, and then nowhere.';
COMMENT ON TABLE survey_tickets IS 'Tickets of the families that were not used; a row goes with the answer, all go when the survey is closed.';
COMMENT ON TABLE survey_marks IS 'That somebody has answered, and that a seat''s ticket was used, so that it is once; all go when the survey is closed.';
