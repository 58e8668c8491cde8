/** Why an event was not understood. One subject each: `tw.rejected.<reason>`. */
export const REJECTION_REASONS = {
  bad_subject: 'The subject is not tw.events.<tenant>.<category>.<name>.',
  too_large: 'The event is larger than 256 KiB.',
  bad_content_type: 'The content type is none that is understood.',
  not_json: 'The body is not JSON.',
  not_protobuf: 'The body is not a CloudEvents protobuf message.',
  not_cloudevent: 'The attributes are not those of a CloudEvents 1.0 event.',
  unknown_type: 'The event type is none of the twelve.',
  subject_mismatch: 'The subject does not say the same type as the event.',
  bad_data: 'The data does not fit the event type.'
} as const

export type RejectionReason = keyof typeof REJECTION_REASONS

/** An event that was not understood: `detail` names what is wrong. */
export type Rejection = { reason: RejectionReason, detail: string }
