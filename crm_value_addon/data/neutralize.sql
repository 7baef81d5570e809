-- messages to customers that waited in the queue; what a rule would still send, it refuses in a neutralised copy
UPDATE mail_mail SET state = 'cancel'
 WHERE state = 'outgoing'
   AND mail_message_id IN (SELECT message_id FROM crm_value_followup WHERE message_id IS NOT NULL);
