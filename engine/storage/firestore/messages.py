"""Firestore's messages, as protobuf makes them. The client library's wrappers around them take most of its time (see
docs/decisions/0009).
"""

from typing import Any

from google.cloud.firestore_v1.types import document, firestore, query

Message = Any
"""Protobuf makes its classes at run time, so no type says what is in them."""

BatchGetDocumentsRequest: Message = firestore.BatchGetDocumentsRequest.pb()
BatchGetDocumentsResponse: Message = firestore.BatchGetDocumentsResponse.pb()
CommitRequest: Message = firestore.CommitRequest.pb()
CommitResponse: Message = firestore.CommitResponse.pb()
Document: Message = document.Document.pb()
GetDocumentRequest: Message = firestore.GetDocumentRequest.pb()
RunAggregationQueryRequest: Message = firestore.RunAggregationQueryRequest.pb()
RunAggregationQueryResponse: Message = firestore.RunAggregationQueryResponse.pb()
RunQueryRequest: Message = firestore.RunQueryRequest.pb()
RunQueryResponse: Message = firestore.RunQueryResponse.pb()
StructuredQuery: Message = query.StructuredQuery.pb()
Value: Message = document.Value.pb()
