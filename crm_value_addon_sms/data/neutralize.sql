-- text messages of follow-up rules that waited for working hours, or in the queue
UPDATE sms_sms SET state = 'canceled'
 WHERE state IN ('value_waiting', 'outgoing')
   AND mail_message_id IN (SELECT message_id FROM crm_value_followup WHERE message_id IS NOT NULL);
